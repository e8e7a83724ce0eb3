"""Requests that belong to a text though they have nothing to do with what stands around them.

In a FAQ, an interview guide or a survey each question is about something else by design.
"""

from __future__ import annotations

import re
from collections import defaultdict

from .features import tokens
from .topic import asks

NEAR = 5
"""Rows of one form in a row, ..."""
LEAST = 3
"""... of which so many ask for something, are a list of requests. One slipped into another list stays foreign to it."""

_ROW = re.compile(
    r"^[ \t]*(?P<row>(?P<mark>(?:#{1,6}|[-*+•]|\(?\d{1,3}[.)])(?=[ \t]))?[ \t]*"
    r"(?P<body>[^\s|][^\n]*(?:\n[ \t]*[a-z][^\n]*)*))(?:\n(?P<line>([=\-~^\"*+#])\5{2,})[ \t]*$)?",
    re.MULTILINE,
)
_SENTENCES = re.compile(r"[.!?]\s+\w")


def expected(text: str) -> frozenset[int]:
    """Where the requests begin that stand among others of their form, with and without the mark of the row.

    A lone heading is judged like any line: an attack can be written as one.
    """
    forms: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    found: set[int] = set()
    for row in _ROW.finditer(text):
        body, mark, starts = row["body"].rstrip(), row["mark"] or "", (row.start("row"), row.start("body"))
        question = body.rstrip("\"'”’)*_ #").endswith("?")
        requests = question or bool(asks(body, tokens(body[:60])))
        heading = mark if mark.startswith("#") else _underlined(body, row["line"])
        if not heading and not mark:  # a line of its own, or the first of a paragraph
            requests = requests and not _SENTENCES.search(body)
            if row.start() == 0 or text.endswith("\n\n", 0, row.start()):
                forms["paragraph"].append(starts if requests else ())
        forms[heading or re.sub(r"\W*\d+\W", "1", mark)].append(starts if requests else ())
    for rows in forms.values():
        for first in range(len(rows) - LEAST + 1):
            near = [starts for starts in rows[first : first + NEAR] if starts]
            if len(near) >= LEAST:
                found.update(start for starts in near for start in starts)
    return frozenset(found)


def _underlined(body: str, line: str | None) -> str:
    """The sign that a line of them makes a heading of what stands above it; a rule or a signature's is shorter."""
    return line[0] if line and len(line) >= len(body) else ""
