"""How a report says numbers and verdicts, whatever it is written in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..stats import Estimate
    from .data import State

WORDS: Final[Mapping[State, str]] = {
    "good": "All right",
    "gate": "Not all right",
    "worse": "Worse than the baseline",
    "incomplete": "Not all could be run",
    "measured": "Measured, and held against nothing yet",
}
SIGNS: Final[Mapping[State, str]] = {"good": "✓", "gate": "✗", "worse": "▼", "incomplete": "–", "measured": "–"}


def number(value: float | None) -> str:
    """Three decimals, of larger numbers one."""
    if value is None:
        return "unscored"
    return _minus(f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}")


def signed(value: float | None) -> str:
    """... with its sign."""
    if value is None:
        return "unscored"
    return _minus(f"{value:+.3f}" if abs(value) < 10 else f"{value:+,.1f}")


def spread(value: Estimate) -> str:
    """A mean with its interval, as precise as its size asks for."""
    return value.spread(",.3f" if abs(value.mean or 0) < 10 else ",.0f")


def p_value(value: float | None) -> str:
    """Four decimals; nothing where there was no test."""
    return "no test" if value is None else f"{value:.4f}"


def counted(n: int, what: str) -> str:
    """So many of something: 1 file, 1,200 files."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def shorten(text: str, width: int = 240) -> str:
    """On one line, cut at a word."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 2].rsplit(" ", 1)[0] + " …"


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")
