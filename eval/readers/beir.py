"""BEIR's layout: `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv`, or `qrels.jsonl` as LIMIT has it.

Source: Thakur et al., "BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval Models",
NeurIPS 2021.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import DataError
from .corpus import CorpusDocument, JudgedCorpus

SPLIT = "test"
_COLUMNS = ("query-id", "corpus-id", "score")


def read_beir(folder: Path, split: str | None = None, name: str = "") -> JudgedCorpus:
    """Read a folder in BEIR's layout.

    Args:
        folder: The folder.
        split: Which of `qrels/*.tsv`; by default `test`, or the only one. The queries are those that it judges.
        name: Of what is read; by default the folder's.

    Raises:
        DataError: A file is missing or broken.
    """
    documents: dict[str, CorpusDocument] = {}
    for where, entry in _entries(folder / "corpus.jsonl", ("_id", "text")):
        document = CorpusDocument(str(entry["_id"]), str(entry.get("title") or ""), str(entry["text"]))
        if documents.setdefault(document.id, document) is not document:
            raise _broken(folder / "corpus.jsonl", f"{where} repeats the document {document.id!r}")
    texts = {str(entry["_id"]): str(entry["text"]) for _, entry in _entries(folder / "queries.jsonl", ("_id", "text"))}
    qrels = _qrels(_qrels_file(folder, split))
    judged = {query: grades for query, grades in qrels.items() if query in texts}
    if not judged:
        raise DataError(
            "the qrels judge no query of queries.jsonl", path=folder, remedy="Give qrels that use the queries' _id"
        )
    queries = {query: texts[query] for query in judged}
    return JudgedCorpus(
        name or folder.resolve().name, tuple(documents.values()), queries, judged, len(qrels) - len(judged)
    )


def _qrels_file(folder: Path, split: str | None) -> Path:
    splits = {path.stem: path for path in sorted((folder / "qrels").glob("*.tsv"))}
    single = folder / "qrels.jsonl"
    if split is None and not splits and single.is_file():
        return single
    chosen = split or (SPLIT if SPLIT in splits or len(splits) != 1 else next(iter(splits)))
    if chosen not in splits:
        there = f"The splits here are {', '.join(splits)}" if splits else "Put the relevance judgements there"
        raise DataError("there is no such file", path=folder / "qrels" / f"{chosen}.tsv", remedy=there)
    return splits[chosen]


def _qrels(path: Path) -> dict[str, dict[str, int]]:
    rows = _entries(path, _COLUMNS) if path.suffix == ".jsonl" else _table(path)
    qrels: dict[str, dict[str, int]] = {}
    for where, row in rows:
        try:
            grade = int(row["score"])
        except (TypeError, ValueError) as error:
            raise _broken(path, f"{where} has the score {row['score']!r}, which is no whole number") from error
        grades = qrels.setdefault(str(row["query-id"]), {})
        if grades.setdefault(str(row["corpus-id"]), grade) != grade:
            raise _broken(path, f"{where} judges a document of a query again, and otherwise")
    return qrels


def _table(path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if not set(_COLUMNS) <= set(reader.fieldnames or ()):
                raise _broken(path, f"its first line does not name the columns {', '.join(_COLUMNS)}")
            for row in reader:
                if any(row[column] is None for column in _COLUMNS):
                    raise _broken(path, f"line {reader.line_num} has too few columns")
                yield f"line {reader.line_num}", row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error


def _entries(path: Path, names: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a JSONL file that have these names, and where they stand."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    entry = json.loads(line)
                except json.JSONDecodeError as error:
                    raise _broken(path, f"line {number} is no JSON ({error.msg})") from error
                if not isinstance(entry, dict) or any(entry.get(name) is None for name in names):
                    raise _broken(path, f"line {number} is no JSON object with {', '.join(names)}")
                yield f"line {number}", entry
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _broken(path: Path, what: str) -> DataError:
    return DataError(what, path=path, remedy="Correct the file, or fetch it again")


def _unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError("there is no such file", path=path, remedy="Name a folder in BEIR's layout, or a known --set")
    return DataError(f"cannot be read ({error})", path=path, remedy="Correct the file, or fetch it again")
