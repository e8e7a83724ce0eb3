"""A user's own questions, from a table (CSV) or JSON Lines.

Columns, or names of a JSON object; only `question` has to be there:

    question               what is asked
    answer                 a right answer
    answers, references    several, of which one is enough: a JSON list, or parted by `|`
    document               the path of a document of the library that holds the answer, as it was ingested
    documents              several of them
    answerable             true or false; by default true
    group                  the kind it belongs to
    source                 what it shares with questions that depend on it; by default the question is its own
    language               of the answers, as in ISO 639-1; by default en
    id                     by default the number of its line
    keep                   false leaves the question out, as who reviews a set may decide; by default true
"""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import DataError
from .questions import Question, QuestionSet, distinct

_ANSWERS = ("answer", "answers", "references")
_DOCUMENTS = ("document", "documents")
_TEXTS = ("question", "answerable", "group", "source", "language", "id", "keep")
COLUMNS = (*_TEXTS, *_ANSWERS, *_DOCUMENTS)
_SINGLE = frozenset(("answer", "document"))
_TRUTH = {"": True, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def is_own(path: Path) -> bool:
    """Whether a path is such a file by its name."""
    return path.is_file() and path.suffix.lower() in (".csv", ".tsv", ".jsonl")


def read_own(path: Path) -> QuestionSet:
    """Questions in the order of the file, which names the set. Columns that are not listed here are not heeded.

    Raises:
        DataError: The file is missing or broken; the message names the line.
    """
    questions: dict[str, Question] = {}
    dropped = 0
    for line, row in rows_of(path):
        question = _question(path, line, row)
        if not _truth(path, line, "keep", _text(path, line, "keep", row.get("keep"))):
            dropped += 1
            continue
        if questions.setdefault(question.id, question) is not question:
            raise _broken(path, f"line {line} repeats the id {question.id!r}")
    if not questions and dropped:
        raise DataError("all of its questions are dropped", path=path, remedy="Keep at least one")
    if not questions:
        raise DataError("it holds no question", path=path, remedy="Give at least one, in a column named question")
    return QuestionSet(path.stem, tuple(questions.values()))


def rows_of(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The number of each row's line, and what stands in its columns, by their names in lower case.

    Raises:
        DataError: The file is missing or broken; the message names the line.
    """
    return _objects(path) if path.suffix.lower() == ".jsonl" else _table(path)


def delimiter_of(head: str) -> str:
    """What parts the columns, by the first line of a table."""
    return max(",;\t", key=head.count)


def _question(path: Path, line: int, row: Mapping[str, Any]) -> Question:
    told = {name: _text(path, line, name, row.get(name)) for name in _TEXTS}
    if not told["question"]:
        raise _broken(path, f"line {line} has no question")
    answerable = _truth(path, line, "answerable", told["answerable"])
    references = distinct(text for name in _ANSWERS for text in _texts(path, line, name, row.get(name)))
    if references and not answerable:
        raise _broken(path, f"line {line} is not answerable, and has an answer")
    return Question(
        id=told["id"] or str(line),
        question=told["question"],
        references=references,
        answerable=answerable,
        relevant=distinct(text for name in _DOCUMENTS for text in _texts(path, line, name, row.get(name))),
        group=told["group"],
        source=told["source"] or told["id"] or str(line),
        language=told["language"] or "en",
    )


def _truth(path: Path, line: int, name: str, told: str) -> bool:
    if told.lower() not in _TRUTH:
        raise _broken(path, f"line {line} has {told!r} for {name}, which is neither true nor false")
    return _TRUTH[told.lower()]


def _texts(path: Path, line: int, name: str, value: object) -> list[str]:
    """The texts of a field: of one in the plural a list, or what stands between `|`."""
    if isinstance(value, str) and name not in _SINGLE:
        value = _listed(value)
    return [_text(path, line, name, one) for one in (value if isinstance(value, list) else [value])]


def _listed(value: str) -> list[Any]:
    if value.lstrip().startswith("["):
        try:
            return list(json.loads(value))
        except json.JSONDecodeError:
            pass  # a text that begins with a bracket
    return [part.strip() for part in value.split("|")]


def _text(path: Path, line: int, name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, str | int | float):
        return "" if value is None else str(value).strip()
    raise _broken(path, f"line {line} has no text for {name}")


def _table(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=delimiter_of(head), strict=True)
            reader.fieldnames = _names(path, list(reader.fieldnames or ()))
            line = reader.line_num + 1
            for row in reader:
                if None in row:
                    raise _broken(path, f"line {line} has more cells than there are columns")
                yield line, row
                line = reader.line_num + 1
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error


def _objects(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line, text in enumerate(file, 1):
                if not text.strip():
                    continue
                try:
                    entry = json.loads(text)
                except json.JSONDecodeError as error:
                    raise _broken(path, f"line {line} is no JSON ({error.msg})") from error
                if not isinstance(entry, dict):
                    raise _broken(path, f"line {line} is no JSON object")
                yield line, dict(zip(_names(path, list(entry), line), entry.values(), strict=True))
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _names(path: Path, given: list[str], line: int = 1) -> list[str]:
    """Names of columns in lower case; one that is nearly a known one would be lost without a word, so it is refused."""
    names = [name.strip().lower() for name in given]
    for name in names:
        if name not in COLUMNS and (near := difflib.get_close_matches(name, COLUMNS, n=1, cutoff=0.8)):
            raise DataError(
                f"line {line} names {name!r}, which is not heeded", path=path, remedy=f"Did you mean {near[0]!r}"
            )
    if "question" not in names:
        raise _broken(path, f"line {line} does not name question; there are {', '.join(COLUMNS)}")
    return names


def _broken(path: Path, what: str) -> DataError:
    return DataError(what, path=path, remedy="Correct the file")


def _unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError("there is no such file", path=path, remedy="Name a file of questions, CSV or JSONL")
    return DataError(f"cannot be read ({error})", path=path, remedy="Save it as UTF-8, and correct it")
