"""Cut a layout into spans by a rule."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .layout import Layout, Places, between
from .pieces import Budget, Piece

_CHARS_PER_TOKEN = 16
"""A run without spaces can be one token of any length, so a chunk's characters are limited too."""

_LEAST_CELLS = 0.25
_LAST_LINE = re.compile(r"(?s).*\n")
_LAST_CELL = re.compile(r"(?s).* (?=\| )")
_LAST_WORD = re.compile(r"(?s).*\s")


@dataclass(frozen=True, slots=True)
class Rule:
    """Where chunks end.

    Args:
        ends: Kinds of places, the strongest first, with how full a chunk must be (0 to 1) to end at one. The last
            place of the strongest kind that qualifies is taken; words and tokens stand below them all.
        stops: A chunk ends at the first of these once it is as full as `least`, and the next one repeats nothing.
        overlap: The most tokens that a chunk repeats of the one before.
        overlaps: Where a repetition may start.
    """

    ends: tuple[tuple[Places, float], ...]
    stops: Places = ()
    least: float = 0.0
    overlap: int = 0
    overlaps: tuple[Places, ...] = ()


def cut(layout: Layout, rule: Rule, budget: Budget) -> list[Piece]:
    """Cut the whole text."""
    cutter = _Cutter(layout, rule, budget)
    pieces: list[Piece] = []
    start = fresh = layout.ink(0)
    while fresh < len(layout.text):
        found = cutter.end(start, fresh)
        if found is None:  # the row would not fit beside what is repeated, if there is such
            start = fresh
            found = cutter.end(fresh, fresh) or cutter.end_within_row(fresh)
        end, apart = found
        pieces.append(Piece(start, end, fresh))
        fresh = layout.ink(end)
        start = fresh if apart else cutter.step_back(start, fresh)
    return pieces


class _Cutter:
    def __init__(self, layout: Layout, rule: Rule, budget: Budget) -> None:
        self._layout, self._rule, self._budget = layout, rule, budget

    def end(self, start: int, fresh: int) -> tuple[int, bool] | None:
        """Where the chunk ends that starts here, and whether the next one may repeat nothing of it.

        None if the row at `fresh`, where the text begins that no chunk holds yet, does not fit as a whole.
        """
        layout, rule, room = self._layout, self._rule, self._budget.room(start)
        limit = self._limit(start, room)
        if stops := between(rule.stops, self._least(start, fresh, rule.least * room), limit):
            return stops[0], True
        if limit == len(layout.text):
            return limit, True
        row = layout.row_around(limit)
        if row:
            limit = row[0]
            if limit <= fresh:
                return None
        for places, fill in rule.ends:
            if ends := between(places, self._least(start, fresh, fill * room), limit):
                return ends[-1], False
        if row:
            return limit, False
        word = _LAST_WORD.match(layout.text, fresh, limit)
        return (word.end(), False) if word else (limit, True)

    def end_within_row(self, start: int) -> tuple[int, bool]:
        """Where a chunk ends that starts with a row for which there is no room; the same two."""
        layout, room = self._layout, self._budget.room(start)
        limit = self._limit(start, room)
        row = layout.row_around(limit)
        if row and row[1] <= self._limit(start, self._budget.room_without_header(start)):
            return row[1], False
        least = self._least(start, start, _LEAST_CELLS * room)
        cells = _LAST_LINE.match(layout.text, start, limit) or _LAST_CELL.match(layout.text, least - 1, limit)
        found = cells or _LAST_WORD.match(layout.text, start, limit)
        return (found.end() if found else limit), True

    def step_back(self, start: int, fresh: int) -> int:
        """Where the next chunk starts: it repeats whole sentences or lines, but no row of a table and no heading."""
        layout, rule = self._layout, self._rule
        if not rule.overlap:
            return fresh
        first = max(layout.token(fresh) - rule.overlap, 0)
        earliest = max(layout.place(first), start + 1)
        if layout.token(earliest) < first:  # several tokens can start at one character
            earliest += 1
        headings = between(layout.headings, earliest, fresh)
        if headings:
            earliest = headings[-1] + 1
        starts = [at for places in rule.overlaps for at in between(places, earliest, fresh - 1)]
        return layout.ink(min((at for at in starts if not layout.table(at)), default=fresh))

    def _limit(self, start: int, room: int) -> int:
        over = self._layout.place(self._layout.token(start) + room)
        return min(over, start + room * _CHARS_PER_TOKEN)

    def _least(self, start: int, fresh: int, tokens: float) -> int:
        return max(self._layout.place(self._layout.token(start) + int(tokens)), fresh + 1)
