"""A question set while people review it: a file of own questions with the evidence of each, and what was decided."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ...errors import DataError
from ..readers.own import delimiter_of, rows_of

FACT, NUMERIC, COMPARISON = "fact", "numeric", "comparison"
MULTI_HOP, UNANSWERABLE, ADVERSARIAL = "multi-hop", "unanswerable", "adversarial"
TYPES = (FACT, MULTI_HOP, NUMERIC, COMPARISON, UNANSWERABLE, ADVERSARIAL)
"""Of made questions, as the column `group` has them."""


@dataclass(frozen=True, slots=True)
class EvidencePlace:
    """Where a document states what an answer rests on."""

    document: str
    """Its path as it was ingested."""
    char_start: int
    """In the document's text, in code points."""
    char_end: int
    quote: str
    """What stands there."""
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A question with its reference answer and its evidence."""

    id: str
    question: str
    kind: str
    answer: str = ""
    answerable: bool = True
    evidence: tuple[EvidencePlace, ...] = ()
    """Of a question that cannot be answered: the passage that it came from."""
    remark: str = ""
    """For who reviews it."""
    documents: tuple[str, ...] | None = None
    """Those that hold the answer; by default those of the evidence."""

    def row(self) -> dict[str, Any]:
        """As the file has it."""
        of_evidence = dict.fromkeys(place.document for place in self.evidence)
        documents = list(of_evidence) if self.documents is None else list(self.documents)
        return {
            "id": self.id,
            "question": self.question,
            "answer": self.answer,
            "answerable": self.answerable,
            "group": self.kind,
            "documents": documents if self.answerable else [],
            "source": next(iter(of_evidence), self.id),
            "keep": "",
            "evidence": [asdict(place) for place in self.evidence],
            "remark": self.remark,
        }


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of questions, with all their columns.

    Raises:
        DataError: It is missing or broken; the message names the line.
    """
    return [dict(row) | {"id": str(row.get("id") or line)} for line, row in rows_of(path)]


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV, TSV or JSON Lines, as the name says; an interrupted write leaves the file as it was.

    Raises:
        DataError: It cannot be written.
    """
    rows = list(rows)
    text = _lines(rows) if path.suffix.lower() == ".jsonl" else table_of(rows, _delimiter(path))
    begun = path.with_name(f"{path.name}.begun")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        begun.write_text(text, "utf-8", newline="")
        begun.replace(path)
    except OSError as error:
        raise DataError(
            f"cannot be written ({error.strerror})", path=path, remedy="Choose a folder that can be written to"
        ) from error


def decide(path: Path, row_id: str, **changes: Any) -> None:
    """Change a row of a file, such as `keep=True`; a new column is added.

    Raises:
        DataError: The file cannot be read or written, or there is no such row.
    """
    rows = read_rows(path)
    for row in rows:
        if row["id"] == row_id:
            row |= changes
            return write_rows(path, rows)
    raise DataError(f"it holds no question {row_id!r} any more", path=path, remedy="Load the page again")


def evidence_of(row: Mapping[str, Any]) -> list[EvidencePlace]:
    """The evidence of a row; none where it has none that can be read."""
    given = row.get("evidence") or []
    try:
        listed = json.loads(given) if isinstance(given, str) else given
        return [EvidencePlace(**one) for one in listed]
    except (TypeError, ValueError):
        return []


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def table_of(rows: Sequence[Mapping[str, Any]], delimiter: str = ",") -> str:
    """Rows as the text of a CSV file."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(columns)
    writer.writerows([[_cell(name, row.get(name)) for name in columns] for row in rows])
    return out.getvalue()


def _cell(column: str, value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        plain = column != "evidence" and all(isinstance(one, str) and "|" not in one for one in value)
        plain = plain and not str(next(iter(value), "")).startswith("[")
        return "|".join(value) if plain else json.dumps(value, ensure_ascii=False)
    return value


def _delimiter(path: Path) -> str:
    """That of the file that there is, else the one its name tells."""
    if path.is_file():
        with path.open(encoding="utf-8-sig") as file:
            return delimiter_of(file.readline())
    return "\t" if path.suffix.lower() == ".tsv" else ","
