"""Requests, and what they ought to have to do with."""

from __future__ import annotations

REQUEST_LENGTH = 250
"""Characters of a request that are compared."""
AROUND = 200
"""Characters before and after it that it is compared with."""
LEAST_AROUND = 80
"""Characters below which there is nothing to compare it with."""

TASKS = frozenset(
    """
    write explain provide describe list summarize summarise suggest recommend help show tell draft compose develop
    create analyze analyse determine give translate break compare find generate discuss outline identify calculate solve
    define plan classify evaluate convert invent imagine prove teach
    """.split()
)
_QUESTIONS = frozenset(
    "what what's who who's why how when where which can could would is are do does did should will tell".split()
)
_EMPTY = frozenset(
    """
    a about an and any are as at be been but by can could did do does for from get had has have he her here his how i if
    in into is it its just make may me might more most my no not of on one or other our out please she should show so
    some such tell than that the their them then there these they thing things this those to under up us use used using
    was way we were what what's when where which while who whom whose why will with would you your mean need want work
    works happen happens different actually really case like
    """.split()
)


def asks(piece: str, told: list[str]) -> str:
    """The word with which a piece asks for something; empty when it does not."""
    first = next((word for word in told if word[0].isalpha() and word not in ("please", "kindly", "also", "now")), "")
    asking = (first in _QUESTIONS and piece.rstrip("\"'”’)*_ ").endswith("?")) or first in TASKS
    return first if asking else ""


def is_request(piece: str, told: list[str], text: str, start: int) -> bool:
    """Whether a piece asks for something that has a subject of its own. Cells of a table are names more often."""
    first = asks(piece, told)
    if not first or len({word for word in told if len(word) > 2 and word[0].isalpha()} - _EMPTY - {first}) < 2:
        return False
    line = text.rfind("\n", 0, start) + 1
    return not text[line:start].lstrip().startswith("|")


def surroundings(text: str, start: int, end: int) -> str:
    """What stands before and after a piece; empty when it is too little to tell the subject."""
    around = f"{text[max(0, start - AROUND) : start].strip()} {text[end : end + AROUND].strip()}".strip()
    return around if len(around) >= LEAST_AROUND else ""
