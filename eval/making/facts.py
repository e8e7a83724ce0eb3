"""What can be asked for in a passage: the figures, names, dates and causes that its sentences and table rows state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...generation._phrases import NAME
from ...generation.grounding.overlap import STOP_WORDS
from ...generation.grounding.segments import Segment, split_segments
from ...retrieval.records import Chunk

SHORTEST, LONGEST = 5, 60
"""Words of a sentence that is asked about."""

_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = re.compile(
    rf"\b(?:\d{{1,2}}\s{_MONTH}(?:\s\d{{4}})?|{_MONTH}\s\d{{4}}|(?<!\d)(?:19|20)\d\d)\b(?![-/:.,]\d|\s?%)"
)
_FIGURE = re.compile(
    r"""(?<![\w.,:/-])(?P<figure>(?:(?:EUR|USD|GBP|CHF)\s|[€$£])?(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)
    (?P<unit>\s?(?:%|°C|per\scent)|\s[a-zA-Z]+(?:/[a-z]+)?)?)(?![\w/:-]|[.,]\d)""",
    re.VERBOSE,
)
_REFERENCES = re.compile(
    r"\b(?:article|section|chapter|clause|table|figure|page|no|number|version|step|part)\.?\s*$", re.I
)
_LEADING = frozenset("neither either both each every any all no after before since until two three".split())
_SCALES = ("thousand", "million", "billion")
_CAUSE = re.compile(r"\bbecause (?!of )([^.;:]{12,120}?)(?=[.;]|$)")
_CELL = re.compile(r"(?:^|; )([^:;]+): ([^;]+)")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a line of a passage states, and that a question can ask for."""

    chunk: Chunk
    line: str
    """The sentence; of a table's row each cell with its column."""
    char_start: int
    """Of the line in the document's text, in code points."""
    char_end: int
    answer: str
    """What is asked for; it stands in `line`."""
    value: float | None = None
    """Of a figure; None for names, dates and causes."""
    unit: str = ""
    """What a figure counts: the word after it, the currency before it, or its column."""

    @property
    def quote(self) -> str:
        """The line as the document has it."""
        return self.chunk.text[self.char_start - self.chunk.char_start : self.char_end - self.chunk.char_start]

    @property
    def key(self) -> str:
        """What tells it from other facts of its library."""
        return f"{self.chunk.id}:{self.char_start}:{self.answer}"


def facts_of(chunk: Chunk) -> list[Fact]:
    """What a passage states that can be asked for, in order."""
    facts = []
    for segment, text, at in lines_of(chunk):
        if SHORTEST <= len(text.split()) <= LONGEST:
            found = _of_row(text) if segment.kind == "row" else _of_sentence(text)
            facts += [Fact(chunk, text, at, at + len(segment.text), *one) for one in found]
    return facts


def lines_of(chunk: Chunk) -> Iterator[tuple[Segment, str, int]]:
    """The sentences and rows of a passage: each with what it states, and where it stands in the document."""
    before = len(chunk.passage) - len(chunk.text)
    for segment in split_segments(chunk.passage):
        start = segment.start - before
        claim = segment.claim() if start >= 0 else None
        if claim is not None and "---" not in claim.text:
            yield segment, " ".join(claim.text.split()), chunk.char_start + start


def names_in(text: str) -> list[str]:
    """The names in a text, each once; a word that only begins a sentence is none."""
    found = []
    for match in NAME.finditer(text):
        begins = match.start() == 0 or text[: match.start()].rstrip()[-1:] in ".!?:;("
        words = match.group().split()
        while words and words[0].lower() in STOP_WORDS | _LEADING:
            words, begins = words[1:], False
        name = " ".join(words)
        if len(name) > 3 and (len(words) > 1 or not begins):
            found.append(name)
    return list(dict.fromkeys(found))


def _of_sentence(text: str) -> list[tuple[str, float | None, str]]:
    found: list[tuple[str, float | None, str]] = [(match.group(), None, "") for match in _DATE.finditer(text)]
    dates = [match.span() for match in _DATE.finditer(text)]
    for match in _FIGURE.finditer(text):
        figure, unit = match["figure"], (match["unit"] or "").strip()
        currency = re.match(r"EUR|USD|GBP|CHF|[€$£]", figure)
        scale = unit if unit in _SCALES or not currency else ""
        if scale != unit or unit.lower() in STOP_WORDS:
            figure, unit = figure[: -len(unit)].rstrip(), ""
        counted = f"{currency.group() if currency else ''} {unit}".strip().lower().rstrip("s")
        inside = any(start < match.end() and match.start() < end for start, end in dates)
        if counted and not inside and not _REFERENCES.search(text[: match.start()]):
            found.append((figure, _number(match["number"]), counted))
    found += [(name, None, "") for name in names_in(text)]
    found += [(match[1].strip(), None, "") for match in _CAUSE.finditer(text)]
    return found


def _of_row(text: str) -> list[tuple[str, float | None, str]]:
    """The cells but the first, which most often names what the row is about."""
    cells = [(match[1].strip(), match[2].strip()) for match in _CELL.finditer(text)][1:]
    found: list[tuple[str, float | None, str]] = []
    for column, value in cells:
        if re.fullmatch(r"\d[\d,]*(?:\.\d+)?", value):
            found.append((value, _number(value), column.lower()))
        elif names_in(f"- {value}") == [value]:
            found.append((value, None, ""))
    return found


def _number(text: str) -> float:
    return float(text.replace(",", ""))
