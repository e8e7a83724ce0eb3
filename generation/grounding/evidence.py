"""Which sentences of the passages a claim is held against."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...retrieval.aligned import aligned_tables
from .attributes import Attributes
from .claims import split_sentences, strip_citations
from .language import language
from .misplacing import Figure, figures
from .opening_hours import Days, opening_hours
from .overlap import content_words
from .records import Line, Row, parsed_record, record_lines, record_tables, table_rows
from .tables import Table, terms_of
from .values import Reading, Value, covers, values

BUDGET = 720
"""Characters of evidence for a claim: with it about 200 tokens, which is what the verifier was trained on."""
_CURRENCIES = {
    "€": content_words("EUR euro"),
    "$": content_words("USD dollar"),
    "£": content_words("GBP"),
    "¥": content_words("JPY yen"),
}
_HEADING = re.compile(r"^(#{1,6})[ \t](.*)$", re.MULTILINE)
LONGEST_UNIT = 360
"""Characters; longer sentences are cut between words (transcripts have no full stops)."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, a row of a table or a line of a record."""

    passage: int
    """Position in the list of passages."""
    start: int
    end: int
    text: str
    terms: frozenset[str]
    in_table: bool = False


@dataclass(slots=True)
class Source:
    """Passages made ready to be evidence for many claims."""

    passages: Sequence[str]
    units: list[Unit] = field(init=False)
    tables: list[Table] = field(init=False)
    beside: frozenset[str] = field(init=False)
    """The terms of what stands beside the rows of tables; see `tables.terms_of`."""
    terms: frozenset[str] = field(init=False)
    """Of all passages."""
    readings: frozenset[Reading] = field(init=False)
    """What numbers, dates and hours of the passages mean."""
    records: list[Any] = field(init=False)
    """The passages that are records, parsed."""
    attributes: Attributes = field(init=False)
    """Of the records."""
    hours: Days | None = field(init=False)
    """At which a record says that something is open."""
    _headings: list[tuple[list[int], list[str]]] = field(init=False)
    """Of each passage: where its headings begin, and each after those above it."""
    _weights: dict[str, float] = field(init=False)
    _languages: list[str | None] | None = field(init=False, default=None)
    _figures: list[tuple[Figure, ...]] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        parsed = list(map(parsed_record, self.passages))
        records = [
            of if of is None else record_lines(passage, of) for passage, of in zip(self.passages, parsed, strict=True)
        ]
        self.records = [record for record in parsed if record is not None]
        self.units, self.tables, beside = [], [], list[str]()
        tables = defaultdict[tuple[str, ...], list[Row]](list)  # a long one is in several passages, with its header
        for number, (passage, lines) in enumerate(zip(self.passages, records, strict=True)):
            rows = list(table_rows(passage)) if lines is None and passage.count("|") > 3 else []
            for row in rows:
                tables[row.header].append(row)
            aligned = list(aligned_tables(passage)) if lines is None else []
            self.tables += (
                Table.of(of.header.cells if of.header else (), (row.cells for row in of.rows)) for of in aligned
            )
            inside = [(row.start, row.end) for of in aligned for row in of.rows]
            self.units += _units(number, _prose(passage, rows) if lines is None else lines, inside)
            self.units += _units(number, ((row.start, row.end, row.text) for row in rows), ((0, len(passage)),))
            if lines is None:
                beside.append(_without(passage, [*inside, *((row.start, row.end) for row in rows)]))
        self.tables += (Table.of(header, (row.cells for row in rows)) for header, rows in tables.items())
        self.tables += (Table.of(*of) for record in self.records for of in record_tables(record, beside))
        self.beside = terms_of("\n".join(beside)) if self.tables else frozenset()
        self._headings = list(map(_headings, self.passages))
        found = Counter(term for unit in self.units for term in unit.terms)
        self.terms = frozenset(found)
        prose = (passage for passage, record in zip(self.passages, parsed, strict=True) if record is None)
        self.attributes = Attributes.of(self.records, list(prose)) if self.records else Attributes()
        self.hours = opening_hours(self.records)
        self.readings = frozenset(r for unit in self.units for value in values(unit.text) for r in value.readings)
        self._weights = {term: math.log(1 + len(self.units) / n) for term, n in found.items()}

    def holds(self, value: Value) -> bool:
        """Whether a number, date or hour is in the passages in any of its meanings."""
        return any(covers(known, claimed) for claimed in value.readings for known in self.readings)

    @property
    def figures(self) -> list[tuple[Figure, ...]]:
        """The figures of each unit."""
        if self._figures is None:
            self._figures = [figures(unit.text) for unit in self.units]
        return self._figures

    def heading(self, unit: Unit) -> str:
        """The Markdown headings that a unit stands below in its passage; empty where there are none."""
        starts, paths = self._headings[unit.passage]
        number = bisect_left(starts, unit.start)
        return paths[number - 1] if number else ""

    def foreign_to(self, claim: str) -> bool:
        """Whether all passages whose language is certain are in another one than a claim."""
        spoken = language(claim)
        if spoken is None:
            return False
        if self._languages is None:
            self._languages = list(map(language, self.passages))
        known = {code for code in self._languages if code is not None}
        return bool(known) and spoken not in known

    def weight(self, term: str) -> float:
        """How much a term tells: its inverse document frequency with sentences as documents, > 0."""
        return self._weights.get(term, math.log(2 + len(self.units)))

    def select(self, claim: str, budget: int = BUDGET) -> list[Unit]:
        """The units that carry most of a claim's terms, in their order, of at most so many characters together.

        Each next one is that which adds most; what is left of the budget goes to the neighbours of the first ones,
        which say who "he" is. All units when they fit.
        """
        if sum(len(unit.text) + 1 for unit in self.units) <= budget:
            return list(self.units)
        wanted = content_words(strip_citations(claim))
        chosen: list[int] = []
        covered: set[str] = set()
        candidates = [place for place, unit in enumerate(self.units) if unit.terms & wanted]
        while candidates:
            best = max(candidates, key=lambda place: (self._gain(place, wanted, covered), -place))
            chosen.append(best)
            covered |= self.units[best].terms & wanted
            left = budget - self._length(chosen)
            candidates = [of for of in candidates if len(self.units[of].text) < left and of != best]
        for place in tuple(chosen[:3]) or (0,):
            for neighbour in (place - 1, place + 1):
                if neighbour in chosen or not 0 <= neighbour < len(self.units):
                    continue
                if not chosen or self._length([*chosen, neighbour]) <= budget:
                    chosen.append(neighbour)
        return [self.units[place] for place in sorted(chosen)]

    def _gain(self, place: int, wanted: set[str], covered: set[str]) -> float:
        unit = self.units[place]
        shared = unit.terms & wanted
        new = sum(self.weight(term) for term in shared - covered)
        known = sum(self.weight(term) for term in shared & covered)
        return (new + 0.3 * known) / math.sqrt(12 + len(unit.terms))

    def _length(self, places: Iterable[int]) -> int:
        return sum(len(self.units[place].text) + 1 for place in places)


def _headings(passage: str) -> tuple[list[int], list[str]]:
    open_levels: list[tuple[int, str]] = []
    starts, paths = list[int](), list[str]()
    for match in _HEADING.finditer(passage):
        level = len(match[1])
        open_levels = [(above, text) for above, text in open_levels if above < level] + [(level, match[2])]
        starts.append(match.start())
        paths.append(" ".join(text for _, text in open_levels))
    return starts, paths


def _without(passage: str, spans: Sequence[tuple[int, int]]) -> str:
    """A passage without parts of it."""
    kept, at = [], 0
    for start, end in sorted(spans):
        kept.append(passage[at:start])
        at = end
    return " ".join([*kept, passage[at:]])


def _units(passage: int, lines: Iterable[Line], rows: Sequence[tuple[int, int]]) -> Iterator[Unit]:
    """Units, with whether they stand in rows of tables."""
    for start, end, text in _cut(lines):
        in_table = any(first < end and start < last for first, last in rows)
        yield Unit(passage, start, end, text, frozenset(content_words(text) | _currencies(text)), in_table)


def _currencies(text: str) -> set[str]:
    """How the signs of currencies in a text are called."""
    return set().union(*(names for sign, names in _CURRENCIES.items() if sign in text))


def _prose(passage: str, rows: Sequence[Row]) -> Iterator[Line]:
    """The sentences of a passage that are no rows."""
    for span in split_sentences(passage):
        if not any(row.start < span.end and span.start < row.end for row in rows):
            yield span.start, span.end, span.text


def _cut(lines: Iterable[Line]) -> Iterator[Line]:
    for start, end, text in lines:
        if len(text) <= LONGEST_UNIT:
            yield start, end, text
            continue
        verbatim = end - start == len(text)
        for part in re.finditer(rf"\S.{{0,{LONGEST_UNIT - 1}}}(?!\S)|\S{{1,{LONGEST_UNIT}}}", text, re.DOTALL):
            yield (start + part.start(), start + part.end(), part.group()) if verbatim else (start, end, part.group())
