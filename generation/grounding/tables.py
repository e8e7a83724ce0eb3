"""Tables of passages, and whether they join what a claim says of one thing."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .overlap import content_words
from .values import numbers

_CLOCK = re.compile(r"\b([01]?\d|2[0-4]):([0-5]\d)\b", re.ASCII)
_WORD = re.compile(r"\b(?:[01]?[0-9]|2[0-4]):[0-5][0-9]\b|\d[\d.,'’]*\d|\w+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_COMPARED = re.compile(
    r"\b(?:since|before|after|until|than|from|between|against|versus|compared (?:to|with)|by the end of|by end of)\s+"
    r"(?:(?:the|in|end|start|of|year)\s+)*$",
    re.IGNORECASE,
)
"""What stands before a year that something is compared with."""
_DERIVED = content_words(
    "total all sum overall average mean change increase decrease difference growth percentage share"
)
"""What heads a row or column that is made of others: its numbers are said of these, too."""
_ENOUGH = 2
"""Common words of a claim that stand in one row alone name that row, if they are so many."""

Places = frozenset[tuple[int, int]]
"""Rows and columns of a table."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word or number of a claim."""

    start: int
    end: int
    terms: frozenset[str]
    """A stem; or the digits of a number, for each way to read it."""
    names: bool
    """It is a name, a code or a number of several digits, and so tells one thing from others of its kind."""
    may_name: bool
    """It begins the claim with a capital letter, so nothing tells whether it is a name."""

    @property
    def is_number(self) -> bool:
        """Whether it is one in every reading."""
        return all(term[0].isdecimal() for term in self.terms)

    @property
    def is_measure(self) -> bool:
        """Whether it is a number of several digits, and no year."""
        return self.is_number and self.names and not any(map(_YEAR.fullmatch, self.terms))


def words_of(claim: str) -> Iterator[Word]:
    """The words of a claim that tell something; not a year that something is compared with."""
    for match in _WORD.finditer(claim):
        word = match.group()
        terms = terms_of(word)
        if terms and not (_YEAR.fullmatch(word) and _COMPARED.search(claim[: match.start()])):
            capital, begins = word[0].isupper(), not claim[: match.start()].strip(" \"'“‘(")
            names = (capital and not begins) or any(map(str.isdecimal, word[1:]))
            yield Word(*match.span(), terms, names, capital and begins)


def terms_of(text: str) -> frozenset[str]:
    """Stems, digits in every reading, hours, and capital letters that stand alone."""
    rest = _CLOCK.sub(" ", text)
    found = content_words(rest) | {f"{int(hour)}:{minute}" for hour, minute in _CLOCK.findall(text)}
    for match in _WORD.finditer(rest):
        word = match.group()
        if word[0].isdecimal() and not any(map(str.isalpha, word)):
            found.update(number.digits for number in numbers(word))
        elif len(word) == 1 and word.isupper():
            found.add(word.lower())
    return frozenset(found)


@dataclass(frozen=True)
class Table:
    """A table of a passage, as terms."""

    header: tuple[frozenset[str], ...]
    rows: tuple[tuple[frozenset[str], ...], ...]

    @classmethod
    def of(cls, header: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
        """The table that has this header, which may be empty, and rows of these cells.

        A row whose first cell is empty has that of the row above: merged cells come like this.
        """
        known: list[tuple[frozenset[str], ...]] = []
        for cells in rows:
            first, *others = map(terms_of, cells)
            known.append((first if first or not known else known[-1][0], *others))
        return cls(tuple(map(terms_of, header)), tuple(known))

    def misjoined(self, words: Sequence[Word]) -> list[Word] | None:
        """The words of a claim that the table keeps apart; empty where it joins them, None where it cannot tell."""
        if any(word.is_measure and not word.terms & self._known for word in words):
            return None  # it speaks of something else as well
        said = frozenset[str]().union(*(word.terms for word in words))
        headers = frozenset[str]().union(*self.header)
        placed = {word: at for word in words if not word.terms & headers and (at := self._telling_places(word, said))}
        heads = {word for word, at in placed.items() if word.may_name and all(column == 0 for _, column in at)}
        naming = {word: at for word, at in placed.items() if word.names or word in heads}
        pinned = _pinned([at for word, at in placed.items() if word not in naming])
        if len(naming) + len(pinned) < 2 or len(pinned) > 1:
            return None
        common = set(pinned or range(len(self.rows))).intersection(*map(_rows, naming.values()))
        if common:
            return min((self._in_other_column(naming, words, row) for row in common), key=len)
        if _of_several_rows([at for word, at in placed.items() if word in naming or word.may_name]):
            return None
        return None if self._is_of_a_column(placed, said) else _in_fewest_rows(naming)

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset[str]().union(*self.header, *(cell for row in self.rows for cell in row))

    @cached_property
    def _own(self) -> list[set[str]]:
        """The terms of each column's heading that no other has."""
        often = Counter(term for cell in self.header for term in cell)
        return [{term for term in cell if often[term] == 1} for cell in self.header]

    def _telling_places(self, word: Word, said: frozenset[str]) -> Places:
        """Where a word stands; nowhere if it is in every row of several, or said of what rows or columns add up to."""
        found = {(r, c) for r, row in enumerate(self.rows) for c, cell in enumerate(row) if word.terms & cell}
        if 1 < len(self.rows) == len(_rows(found)) or any(self._is_derived(*place, said) for place in found):
            return frozenset()
        return frozenset(found)

    def _is_derived(self, row: int, column: int, said: frozenset[str]) -> bool:
        heads = self.rows[row][0] | (self.header[column] if column < len(self.header) else frozenset())
        return bool(heads & _DERIVED - said)

    def _is_of_a_column(self, placed: Mapping[Word, Places], said: frozenset[str]) -> bool:
        """Whether a claim names a column and speaks of its rows, as where each column is a product."""
        for column in range(1, len(self.header)):
            rows = {r for at in placed.values() for r, c in at if c == column}
            inside = (any(c == column or (c == 0 and r in rows) for r, c in at) for at in placed.values())
            if self._own[column] & said and len(rows) > 1 and all(inside):
                return True
        return False

    def _in_other_column(self, naming: Iterable[Word], words: Sequence[Word], row: int) -> list[Word]:
        """The numbers that a row has in other columns than those of values that the claim names."""
        said = frozenset[str]().union(*(word.terms for word in words))
        cells = self.rows[row][: len(self.header)]
        named = {c for c, cell in enumerate(cells) if self._own[c] & said and _is_value(cell)}
        if not named or any(word.is_number and word.terms & cells[c] for word in words for c in named):
            return []  # what it names has its number; others may stand beside it
        found = []
        for figure in (word for word in naming if word.is_number):
            columns = [c for c, cell in enumerate(cells) if figure.terms & cell]
            in_a_name = any(word.terms & cells[c] for c in columns for word in words if word != figure)
            unit = next((word for word in words if figure.end <= word.start < figure.end + 3), figure)
            has_unit = unit != figure and any(unit.terms & cell for cell in cells[1:])
            if columns and all(c and self._own[c] for c in columns) and not in_a_name and not has_unit:
                found.append(figure)
        return found


def _rows(places: Iterable[tuple[int, int]]) -> set[int]:
    return {row for row, _ in places}


def _is_value(cell: frozenset[str]) -> bool:
    """Whether at least half of what a cell has are numbers."""
    return 2 * sum(term[0].isdecimal() for term in cell) >= len(cell) > 0


def _in_fewest_rows(naming: Mapping[Word, Places]) -> list[Word]:
    """The words that tell most: of the measures, else the numbers, else all, those that stand in the fewest rows."""
    plain = [word for word in naming if word.is_number]
    figures = [word for word in plain if word.is_measure] or plain or list(naming)
    least = min(len(_rows(naming[word])) for word in figures)
    return [word for word in figures if len(_rows(naming[word])) == least]


def _pinned(common_words: Iterable[Places]) -> list[int]:
    """The rows that common words name."""
    counts = Counter(rows.pop() for rows in map(_rows, common_words) if len(rows) == 1)
    return [row for row, n in counts.items() if n >= _ENOUGH]


def _of_several_rows(named: Iterable[Places]) -> bool:
    """Whether a claim speaks of several rows: it names two things of a column that no cell has together."""
    by_column: dict[int, list[set[int]]] = defaultdict(list)
    for places in named:
        for column in {column for _, column in places}:
            by_column[column].append({row for row, c in places if c == column})
    return any(len(rows) > 1 and not set.intersection(*rows) for rows in by_column.values())
