"""Examples of questions with their answers, which a prompt shows as earlier turns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ._identity import PromptIdentity
from .quoting import ShownPassage, shown


@dataclass(frozen=True, slots=True)
class Example:
    """A question over passages, and the answer that it should get."""

    question: str
    passages: tuple[ShownPassage, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of a file: a JSON array, or one JSON object a line.

    Each has a `question`, an `answer`, and `passages`: texts, or objects with `text` and, if wanted, `title`.
    """

    of: tuple[Example, ...] = ()
    identity: PromptIdentity | None = None
    """None when there is no file."""


def read_examples(path: Path) -> Examples:
    """Read a file of examples.

    Raises:
        SettingsError: It cannot be read, is no JSON, holds no example, or one that is not of this form.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot be read ({error})", path=path, remedy="Correct few_shot or the file") from error
    examples = tuple(_example(where, row, path) for where, row in _rows(text, path))
    if not examples:
        raise SettingsError("holds no example", path=path, remedy="Put one in, or leave few_shot empty")
    return Examples(examples, PromptIdentity("few_shot", "", hashlib.sha256(content).hexdigest()))


def _rows(text: str, path: Path) -> Iterator[tuple[str, Any]]:
    """Each example and where it stands."""
    if text.lstrip().startswith("["):
        yield from ((f"example {n}", row) for n, row in enumerate(_json(text, 0, path), 1))
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"line {number}", _json(line, number - 1, path)


def _json(text: str, lines_before: int, path: Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(
            f"line {lines_before + error.lineno}: no JSON ({error.msg})",
            path=path,
            remedy="Write a JSON array of examples, or one example as a JSON object a line",
        ) from error


def _example(where: str, row: Any, path: Path) -> Example:
    fields = row if isinstance(row, Mapping) else {}
    question, answer, passages = fields.get("question"), fields.get("answer"), fields.get("passages")
    listed = passages if isinstance(passages, list) else []
    told = [(p.get("title", ""), p.get("text")) if isinstance(p, Mapping) else ("", p) for p in listed]
    if not (
        told
        and all(isinstance(text, str) and text.strip() for text in (question, answer, *(text for _, text in told)))
        and all(isinstance(title, str) for title, _ in told)
    ):
        raise SettingsError(
            f"{where} is no example",
            path=path,
            remedy='Write {"question": "...", "passages": [{"title": "...", "text": "..."}], "answer": "..."}',
        )
    return Example(
        str(question), tuple(shown(n, title, str(text)) for n, (title, text) in enumerate(told, 1)), str(answer)
    )
