"""From the lines on a PDF's pages to its text: paragraphs, headings, offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from ...retrieval.records import Line, Page, Rect
from ..parsed import Block

_PARAGRAPH_PITCH = 1.3
"""A paragraph starts where the baselines are this many times further apart than they usually are."""
_SAME_LINE = 2.0
"""Baselines closer than this many points belong to one line: a table's cells, an exponent."""
_HEADING_LINES = 3
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ufff0-\ufffc\ufffe\uffff]+")
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ue000-\uf8ff\ufff0-\uffff\U000f0000-\U0010ffff]")


@dataclass(slots=True)
class Row:
    """A line as it stands on a page."""

    text: str
    rect: Rect | None = None
    baseline: float | None = None
    """Points from the top of the page."""
    hyphenated: bool = False
    """Its last word goes on in the next row; the hyphen is gone."""
    starts: bool = False
    """It begins a paragraph."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """An entry of a document's outline; `page` counts from 0, `level` from 1."""

    title: str
    page: int
    level: int


def page_quality(text: str) -> float:
    """The share of a page's characters that can be read, 0 to 1; 0 for a page without text."""
    written = len("".join(text.split()))
    return 1 - min(1, len(_UNREADABLE.findall(text)) / written) if written else 0.0


def readable(rows: Sequence[Row]) -> list[Row]:
    """The rows without soft hyphens and glyphs that name no character; rows of nothing else are dropped."""
    for row in rows:
        row.text = _CONTROLS.sub(" ", row.text.replace("\xad", "")).strip()
    return [row for row in rows if row.text]


def page_text(rows: Sequence[Row]) -> str:
    """The rows as text, paragraphs parted by a blank line."""
    return "".join(part for row, before in zip(rows, _separators(rows), strict=True) for part in (before, row.text))


def mark_paragraphs(rows: Sequence[Row]) -> None:
    """Marks the rows that begin a paragraph, by the distance to the row above."""
    pairs = [
        (row, row.baseline - above.baseline)
        for above, row in pairwise(rows)
        if row.baseline is not None and above.baseline is not None
    ]
    pitches = [pitch for _, pitch in pairs if pitch > _SAME_LINE]
    if not pitches:
        return
    usual = median_low(pitches)
    for row, pitch in pairs:
        row.starts = pitch > _PARAGRAPH_PITCH * usual or pitch < -usual  # upwards: the next column


def lay_out(pages: Sequence[Sequence[Row]], outline: Sequence[Bookmark]) -> tuple[str, list[Block], list[Page]]:
    """Puts the pages' rows into one text, parted by blank lines, and says where in it everything stands."""
    text = "\n\n".join(map(page_text, pages))
    blocks: list[Block] = []
    laid: list[Page] = []
    start = 0
    for number, rows in enumerate(pages, start=1):
        levels = _heading_levels(rows, [mark for mark in outline if mark.page == number - 1])
        spans = list(_row_spans(rows, start))
        lines = tuple(Line(*span, row.rect) for row, span in zip(rows, spans, strict=True) if row.rect)
        blocks.extend(_blocks(rows, spans, levels))
        end = spans[-1][1] if spans else start
        laid.append(Page(number, start, end, lines))
        start = end + 2
    return text, blocks, laid


def _separators(rows: Sequence[Row]) -> Iterator[str]:
    for index, row in enumerate(rows):
        joined = index == 0 or rows[index - 1].hyphenated
        yield "" if joined else "\n\n" if row.starts else "\n"


def _row_spans(rows: Sequence[Row], start: int) -> Iterator[tuple[int, int]]:
    for row, before in zip(rows, _separators(rows), strict=True):
        start += len(before)
        yield start, start + len(row.text)
        start += len(row.text)


def _blocks(rows: Sequence[Row], spans: Sequence[tuple[int, int]], levels: Mapping[int, int]) -> Iterator[Block]:
    first = 0
    for index in range(1, len(rows) + 1):
        level = levels.get(index - 1, 0)
        if index < len(rows) and levels.get(index, 0) == level and (level or not _parted(rows, index)):
            continue
        yield Block("heading" if level else "paragraph", spans[first][0], spans[index - 1][1], level)
        first = index


def _parted(rows: Sequence[Row], index: int) -> bool:
    return rows[index].starts and not rows[index - 1].hyphenated


def _heading_levels(rows: Sequence[Row], bookmarks: Sequence[Bookmark]) -> dict[int, int]:
    """The level of each row that holds (a part of) a title of the outline."""
    keys = [_key(row.text) for row in rows]
    levels: dict[int, int] = {}
    for bookmark in bookmarks:
        title = _key(bookmark.title)
        starts = (index for index in range(len(rows)) if index not in levels)
        windows = (range(start, start + length) for start in starts for length in range(1, _HEADING_LINES + 1))
        found = (window for window in windows if title and _key("".join(keys[window.start : window.stop])) == title)
        levels.update(dict.fromkeys(next(found, ()), min(bookmark.level, 6)))
    return levels


def _key(title: str) -> str:
    """A title's letters and digits, without the number before it, which outlines often lack."""
    key = re.sub(r"[\W_]+", "", title).casefold()
    return key.lstrip("0123456789") or key
