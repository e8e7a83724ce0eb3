"""Whether what a claim joins stands together in the passages: the value of one row or section is not another's.

To a network that reads a claim beside its evidence, "The belt tension of K3 is 440 N" looks right where K2 has 440 N
and K3 stands near. What is told here is told by the form of the passages, and only where that leaves little doubt:

- in a table, two things that the claim says of each other stand in different rows, or a number in another column than
  the one that the claim names;
- a number stands only in sentences, or below headings, that name another of the same kind: K2 where the claim says K3.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .overlap import content_words
from .values import numbers

if TYPE_CHECKING:
    from .evidence import Source

_WORD = re.compile(r"\d[\d.,'’]*\d|\w+")
_CODE = re.compile(r"(?<![\w-])([^\W\d_]{1,5})[-\u2010\u2011]?(\d+)(?!\w)")
_YEAR = re.compile(r"(?:19|20)\d\d")
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
        return all(term[0].isdigit() for term in self.terms)

    @property
    def is_measure(self) -> bool:
        """Whether it is a number of several digits, and no year."""
        return self.is_number and self.names and not any(_YEAR.fullmatch(term) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a passage, as terms."""

    header: tuple[frozenset[str], ...]
    rows: tuple[tuple[frozenset[str], ...], ...]

    @classmethod
    def of(cls, header: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
        """The table that has this header, which may be empty, and rows of these cells."""
        return cls(tuple(map(_terms, header)), tuple(tuple(map(_terms, cells)) for cells in rows))

    def misjoined(self, words: Sequence[Word]) -> list[Word] | None:
        """The words of a claim that the table keeps apart; empty where it joins them, None where it cannot tell."""
        headers = frozenset[str]().union(*self.header)
        said = frozenset[str]().union(*(word.terms for word in words))
        placed = {word: at for word in words if not word.terms & headers and (at := self._telling_places(word, said))}
        known = headers.union(*(cell for row in self.rows for cell in row))
        if any(word.is_measure and not word.terms & known for word in words):
            return None  # it speaks of something else as well
        heads = {word for word, at in placed.items() if word.may_name and all(column == 0 for _, column in at)}
        naming = {word: at for word, at in placed.items() if word.names or word in heads}
        pinned = _pinned([at for word, at in placed.items() if word not in naming])
        if len(naming) + len(pinned) < 2 or len(pinned) > 1:
            return None
        common = set(pinned or range(len(self.rows))).intersection(*map(_rows, naming.values()))
        figures = [word for word in naming if word.is_number]
        if not common:
            return None if _of_several_rows(naming.values()) else _in_fewest_rows(figures or naming, naming)
        return min((self._in_other_column(figures, words, row) for row in common), key=len)

    def _telling_places(self, word: Word, said: frozenset[str]) -> Places:
        """Where a word stands; nowhere if it is in every row of several, or said of what rows or columns add up to."""
        found = {(r, c) for r, row in enumerate(self.rows) for c, cell in enumerate(row) if word.terms & cell}
        if 1 < len(self.rows) == len(_rows(found)) or any(self._is_derived(*place, said) for place in found):
            return frozenset()
        return frozenset(found)

    def _is_derived(self, row: int, column: int, said: frozenset[str]) -> bool:
        heads = self.rows[row][0] | (self.header[column] if column < len(self.header) else frozenset())
        return bool(heads & _DERIVED - said)

    def _in_other_column(self, figures: Sequence[Word], words: Sequence[Word], row: int) -> list[Word]:
        """The numbers that a row has in other columns than those of numbers that the claim names."""
        often = Counter(term for cell in self.header for term in cell)
        own = [{term for term in cell if often[term] == 1} for cell in self.header]
        said = frozenset[str]().union(*(word.terms for word in words))
        cells = self.rows[row][: len(own)]
        named = {c for c, cell in enumerate(cells) if own[c] & said and any(term[0].isdigit() for term in cell)}
        found = []
        for figure in figures:
            columns = {c for c, cell in enumerate(cells) if figure.terms & cell}
            if columns & named:
                return []  # what it names has its number; others may stand beside it
            part_of_a_name = any(word.terms & cells[c] for c in columns for word in words if word != figure)
            if columns and named and all(own[c] for c in columns) and not part_of_a_name:
                found.append(figure)
        return found


def misjoined(claim: str, source: Source, question: str = "") -> list[tuple[int, int]]:
    """Where in a claim stands what the passages say of something else; empty where that cannot be told.

    Args:
        claim: Without citations.
        source: The passages.
        question: What a claim such as "38 kg" answers, and so speaks of.
    """
    before = f"{question} " if question else ""
    words = list(_words(before + claim))
    found = _across_rows(words, source) or _of_another(before + claim, words, source)
    own = [(word.start - len(before), word.end - len(before)) for word in found if word.start >= len(before)]
    return own or ([(0, len(claim))] if found else [])


def _across_rows(words: Sequence[Word], source: Source) -> list[Word]:
    """What no table joins, and at least one keeps apart, unless the text beside the tables says it."""
    told = [found for table in source.tables if (found := table.misjoined(words)) is not None]
    if not told or not all(told):
        return []
    apart = told[0]
    beside = [unit.terms for unit in source.units if not unit.in_table]
    if any(all(word.terms & terms for word in apart) for terms in beside):
        return []
    return apart


def _of_another(claim: str, words: Sequence[Word], source: Source) -> list[Word]:
    """The numbers that stand only where another of the same kind is named."""
    codes = _codes(claim)
    if not codes:
        return []
    found = []
    for word in words:
        others = {(kind, digits) for kind, digits in codes if digits not in word.terms}
        if not (others and word.is_number and word.names):
            continue
        around = [_codes(f"{source.heading(unit)} {unit.text}") for unit in source.units if word.terms & unit.terms]
        if around and all(_names_another(others, of) for of in around):
            found.append(word)
    return found


def _names_another(claimed: set[tuple[str, str]], codes: set[tuple[str, str]]) -> bool:
    """Whether codes are of the kind of one that a claim has, and none is one that it has."""
    kinds = {kind for kind, _ in claimed}
    return not codes & claimed and any(kind in kinds for kind, _ in codes)


def _codes(text: str) -> set[tuple[str, str]]:
    """The codes of a text, each as its letters and its digits: K3, BF-2215."""
    return {(kind.lower(), digits) for kind, digits in _CODE.findall(text) if kind.isupper()}


def _words(claim: str) -> Iterator[Word]:
    """The words of a claim that tell something."""
    for match in _WORD.finditer(claim):
        word = match.group()
        terms = _terms(word)
        if terms:
            capital, begins = word[0].isupper(), not claim[: match.start()].strip(" \"'“‘(")
            names = (capital and not begins) or any(map(str.isdigit, word[1:]))
            yield Word(*match.span(), terms, names, capital and begins)


def _terms(text: str) -> frozenset[str]:
    """Stems, digits in every reading, and capital letters that stand alone."""
    found = set(content_words(text))
    for match in _WORD.finditer(text):
        word = match.group()
        if word[0].isdigit() and not any(map(str.isalpha, word)):
            found.update(number.digits for number in numbers(word))
        elif len(word) == 1 and word.isupper():
            found.add(word.lower())
    return frozenset(found)


def _rows(places: Iterable[tuple[int, int]]) -> set[int]:
    return {row for row, _ in places}


def _in_fewest_rows(words: Iterable[Word], placed: Mapping[Word, Places]) -> list[Word]:
    """The words that tell most: those that stand in the fewest rows."""
    counts = {word: len(_rows(placed[word])) for word in words}
    return [word for word, n in counts.items() if n == min(counts.values())]


def _pinned(common_words: Iterable[Places]) -> list[int]:
    """The rows that common words name."""
    counts = Counter(rows.pop() for rows in map(_rows, common_words) if len(rows) == 1)
    return [row for row, n in counts.items() if n >= _ENOUGH]


def _of_several_rows(named: Iterable[Places]) -> bool:
    """Whether a claim speaks of several rows: it names things of one column that no cell has together."""
    by_column: dict[int, list[set[int]]] = defaultdict(list)
    for places in named:
        columns = {column for _, column in places}
        if len(columns) == 1:
            by_column[columns.pop()].append(_rows(places))
    return any(not set.intersection(*rows) for rows in by_column.values())
