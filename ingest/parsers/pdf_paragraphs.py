"""Where paragraphs begin, and which words go on in the next line."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median_low

from .pdf_model import Row

_PARAGRAPH_PITCH = 1.3
"""A paragraph starts where the baselines are this many times further apart than they usually are."""
_SAME_LINE = 2.0
"""Points."""
_OTHER_SIZE = 1.12
_LEAST_INDENT, _MOST_INDENT = 0.8, 4.0
"""Of a paragraph's first line, in letter sizes."""
_SHORT_LINE = 0.7
"""The last line of a paragraph may be this share of the line above it."""
_LEAST_PITCHES = 3
_SENTENCE_END = re.compile(r"[.!?:;。！？؟…][\"'”’»)\]\d]*$")
_WORD = re.compile(r"\w+(?:-\w+)*")
_CONJUNCTIONS = frozenset("and or und oder bzw sowie et ou y o e ed en of i och og to bis".split())
"""After a hyphen that stands for a second half that comes later: 'pre- and postwar'."""


def mark_paragraphs(rows: Sequence[Row]) -> None:
    """Marks the rows that begin a paragraph: by their distance from the row above, their letters and their indent."""
    pitches = _usual_pitches(rows)
    for index in range(1, len(rows)):
        above, row = rows[index - 1], rows[index]
        if above.baseline is None or row.baseline is None:
            continue
        usual = pitches.get(round(row.size)) or pitches.get(0)
        below = rows[index + 1] if index + 1 < len(rows) else None
        row.starts = usual is not None and _begins(above, row, below, usual)


def join_words(pages: Sequence[Sequence[Row]]) -> None:
    """Settles which rows that end in a hyphen go on in the next, and takes out the hyphens that no word has."""
    if not any(row.hyphenated for rows in pages for row in rows):
        return
    known = {word for rows in pages for row in rows for word in _WORD.findall(row.text.casefold())}
    for rows in pages:
        for row, following in pairwise(rows):
            if row.hyphenated:
                _join(row, following, known)
        if rows:
            rows[-1].hyphenated = False


def is_sentence_end(text: str) -> bool:
    """Whether a text ends as a sentence, or before a list, does."""
    return _SENTENCE_END.search(text) is not None


def _join(row: Row, following: Row, known: set[str]) -> None:
    words, word = _WORD.findall(row.text), _WORD.match(following.text)
    together = row.level == following.level and word is not None and word[0].casefold() not in _CONJUNCTIONS
    row.hyphenated = together and bool(words)
    if word and row.hyphenated and word[0][0].islower() and not _is_compound(words[-1], word[0], known):
        row.text = row.text[:-1]


def _is_compound(stem: str, word: str, known: set[str]) -> bool:
    """Whether a word keeps the hyphen at which it was broken: it stands so elsewhere in the document, or has others."""
    whole = (stem + word).casefold()
    return "-" in whole or (f"{stem}-{word}".casefold() in known and whole not in known)


def _usual_pitches(rows: Sequence[Row]) -> dict[int, float]:
    """The usual distance of two rows by the size of their letters, in whole points; for any size under 0."""
    pitches: dict[int, list[float]] = defaultdict(list)
    for above, row in pairwise(rows):
        if row.baseline is not None and above.baseline is not None and row.baseline - above.baseline > _SAME_LINE:
            pitches[0].append(row.baseline - above.baseline)
            if round(row.size) == round(above.size) != 0:
                pitches[round(row.size)].append(row.baseline - above.baseline)
    return {size: median_low(found) for size, found in pitches.items() if size == 0 or len(found) >= _LEAST_PITCHES}


def _begins(above: Row, row: Row, below: Row | None, usual: float) -> bool:
    assert above.baseline is not None and row.baseline is not None
    pitch = row.baseline - above.baseline
    if pitch < -usual:  # upwards: the next column, where a sentence may go on
        return is_sentence_end(above.text) or not row.text[:1].islower()
    if pitch > _PARAGRAPH_PITCH * usual or any(_new_style(above, row)):
        return True
    if pitch <= _SAME_LINE or not is_sentence_end(above.text) or row.text[:1].islower():
        return False
    return _is_indented(above, row, below) or _is_last(above, row)


def _new_style(above: Row, row: Row) -> Iterator[bool]:
    if above.size and row.size:
        yield max(above.size, row.size) > _OTHER_SIZE * min(above.size, row.size)
        yield above.bold != row.bold


def _is_indented(above: Row, row: Row, below: Row | None) -> bool:
    indent = row.left - above.left
    goes_back = below is not None and abs(below.left - above.left) < row.size / 4
    return goes_back and _LEAST_INDENT * row.size <= indent <= _MOST_INDENT * row.size


def _is_last(line: Row, following: Row) -> bool:
    """Whether a line ends a paragraph: it is much shorter than the one that follows."""
    return line.right - following.left < _SHORT_LINE * (following.right - following.left)
