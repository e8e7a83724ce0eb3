"""Questions with a false premise: one thing that a true question names is another."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .facts import names_in

_YEAR = re.compile(r"(?<![\w.,:/-])(?:19|20)\d\d(?![\w:/-]|[.,]\d)")
_NUMBER = re.compile(r"(?<![\w.,:/-])\d{1,3}(?![\w:/-]|[.,]\d)")


@dataclass(frozen=True, slots=True)
class FalsePremise:
    """A question that was changed."""

    question: str
    before: str
    """What it named."""
    after: str
    """What it names now."""


def falsified(question: str, names: Sequence[str], passage: str, drawing: random.Random) -> FalsePremise | None:
    """The question with another year, another name, or another number; None where it has none of these.

    What comes in does not stand in the passage, so that what the passage says of the one is not said of the other.

    Args:
        question: One whose premise is true.
        names: Of the same documents, to draw from.
        passage: That answers the question.
        drawing: Draws.
    """
    for found in (
        _year(question, passage, drawing),
        _name(question, names, passage, drawing),
        _number(question, passage),
    ):
        if found is not None:
            before, after = found
            return FalsePremise(re.sub(rf"(?<!\w){re.escape(before)}(?!\w)", after, question), before, after)
    return None


def _year(question: str, passage: str, drawing: random.Random) -> tuple[str, str] | None:
    years = _YEAR.findall(question)
    if len(set(years)) != 1:
        return None
    others = [str(int(years[0]) + by) for by in (-4, -3, -2, 2, 3, 4) if str(int(years[0]) + by) not in passage]
    return (years[0], drawing.choice(others)) if others else None


def _name(question: str, names: Sequence[str], passage: str, drawing: random.Random) -> tuple[str, str] | None:
    for name in sorted(names_in(question), key=len, reverse=True):
        alike = [other for other in names if other.count(" ") == name.count(" ") and other != name]
        others = sorted(other for other in alike if other not in passage and other not in question)
        if others:
            return name, drawing.choice(others)
    return None


def _number(question: str, passage: str) -> tuple[str, str] | None:
    for number in _NUMBER.findall(question):
        other = str(2 * int(number) + 1)
        if other not in passage and other not in question:
            return number, other
    return None
