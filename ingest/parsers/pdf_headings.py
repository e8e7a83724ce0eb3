"""Headings: by the document's outline, else by their letters."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from .pdf_model import MAX_LEVEL, Bookmark, Row
from .pdf_paragraphs import is_sentence_end

_MOST_ROWS = 3
_MOST_LETTERS = 150
_LARGER = 1.15
"""Times the size of the body's letters."""
_SAME_SIZE = 0.93
_MOST_SHARE = 0.3
"""Of a document's letters: what is more frequent is no heading."""
_ONE_HEADING = 1.8
"""Baselines of one heading's rows are at most this many letter sizes apart."""
_TITLE = re.compile(r"[^\W\d_].*[^\W\d_]", re.DOTALL)
_NUMBER = re.compile(r"(?:\d{1,3}|[A-Z]|[IVX]{1,5})(?:\.\d{1,3})*\.?")
_MARKS = re.compile(r"[\W_]+")


def body_size(pages: Iterable[Sequence[Row]]) -> float:
    """The size of most of a document's letters, to half a point; 0 where it is not known."""
    letters: Counter[float] = Counter()
    for rows in pages:
        for row in rows:
            letters[_half_points(row.size)] += len(row.text)
    del letters[0.0]
    return letters.most_common(1)[0][0] if letters else 0.0


def mark_headings(pages: Sequence[Sequence[Row]], outline: Sequence[Bookmark], body: float) -> None:
    """Gives the rows of headings their levels: by the outline, or, where it names none, by their letters."""
    by_page: dict[int, list[Bookmark]] = defaultdict(list)
    for bookmark in outline:
        by_page[bookmark.page].append(bookmark)
    found = [_mark_titles(rows, by_page[index]) for index, rows in enumerate(pages) if by_page[index]]
    if not any(found) and body:
        _mark_by_letters(pages, body)


def _mark_titles(rows: Sequence[Row], bookmarks: Sequence[Bookmark]) -> bool:
    """Marks the rows that hold the titles of the outline; False if there are none."""
    keys = [_MARKS.sub("", row.text).casefold() for row in rows]
    windows: dict[str, list[range]] = defaultdict(list)
    for length in range(_MOST_ROWS, 0, -1):
        for start in range(len(rows) - length, -1, -1):
            windows[_without_number("".join(keys[start : start + length]))].append(range(start, start + length))
    marked = False
    for bookmark in bookmarks:
        title = _without_number(_MARKS.sub("", bookmark.title).casefold())
        while title and (found := windows[title]):
            window = found.pop()
            if not any(rows[index].level for index in window):
                _mark([rows[index] for index in window], min(bookmark.level, MAX_LEVEL))
                marked = True
                break
    return marked


def _without_number(key: str) -> str:
    """A title's letters without the number before it, which outlines often lack."""
    return key.lstrip("0123456789") or key


def _mark_by_letters(pages: Sequence[Sequence[Row]], body: float) -> None:
    bold_body = _is_mostly_bold(pages)
    runs = [run for rows in pages for run in _runs(rows) if _stands_out(run, body, bold_body) and _is_title(run)]
    if _letters(runs) > _MOST_SHARE * _letters(pages):
        return
    levels = _levels({_style(run[0], body) for run in runs})
    for run in runs:
        _mark(run, levels[_style(run[0], body)])


def _letters(groups: Iterable[Sequence[Row]]) -> int:
    return sum(len(row.text) for rows in groups for row in rows)


def _levels(styles: Iterable[tuple[float, bool]]) -> dict[tuple[float, bool], int]:
    """A level for each size of letters, the largest first; sizes that hardly differ share one."""
    levels: dict[tuple[float, bool], int] = {}
    level, largest = 0, (0.0, False)
    for style in sorted(styles, reverse=True):
        if not level or style[0] < _SAME_SIZE * largest[0] or style[1] != largest[1]:
            level, largest = min(level + 1, MAX_LEVEL), style
        levels[style] = level
    return levels


def _mark(rows: Sequence[Row], level: int) -> None:
    for index, row in enumerate(rows):
        row.level = level
        row.starts = index == 0


def _runs(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows in letters of one size and weight, without a wide gap between them."""
    for _, group in groupby(rows, key=lambda row: (_half_points(row.size), row.bold)):
        run: list[Row] = []
        for row in group:
            if run and not _follows(run[-1], row):
                yield run
                run = []
            run.append(row)
        yield run


def _follows(above: Row, row: Row) -> bool:
    pitch = (row.baseline or 0.0) - (above.baseline or 0.0)
    return 0 < pitch <= _ONE_HEADING * row.size and not _is_numbered(row)


def _is_numbered(row: Row) -> bool:
    return _NUMBER.fullmatch(row.text.split(maxsplit=1)[0]) is not None


def _stands_out(run: Sequence[Row], body: float, bold_body: bool) -> bool:
    size = run[0].size
    return size >= _LARGER * body or (run[0].bold and not bold_body and _half_points(size) >= body)


def _is_title(run: Sequence[Row]) -> bool:
    text = " ".join(row.text for row in run)
    if len(run) > _MOST_ROWS or len(text) > _MOST_LETTERS or not _TITLE.search(text):
        return False
    if is_sentence_end(text) and not text.endswith(("?", "!")) and not text[-1].isdigit():
        return False
    return all(_is_one_piece(row) for row in run) and not text.endswith((",", "-"))


def _is_one_piece(row: Row) -> bool:
    """Whether a row has no gaps but the one after its number."""
    return len(row.cells) <= 1 or (len(row.cells) == 2 and _NUMBER.fullmatch(row.cells[0].text) is not None)


def _style(row: Row, body: float) -> tuple[float, bool]:
    """What the level goes by: size, and among letters of the body's size that they are bold."""
    size = _half_points(row.size)
    return (size, False) if size >= _LARGER * body else (0.0, True)


def _half_points(size: float) -> float:
    return round(2 * size) / 2


def _is_mostly_bold(pages: Iterable[Sequence[Row]]) -> bool:
    letters: Counter[bool] = Counter()
    for rows in pages:
        for row in rows:
            letters[row.bold] += len(row.text)
    return letters[True] > letters[False]
