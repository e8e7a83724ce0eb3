"""The items of lists, by their bullets and numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from .pdf_model import Row

_BULLET = re.compile(r"([•◦▪▫‣⁃∙·●○■□➢❖✓✔◆►])\s*(?=\S)|(?:([-–—*])|[\ue000-\uf8ff])\s+(?=\S)")
_NUMBER = re.compile(r"(\(?)(\d{1,2}|[a-z])([.)])\s+(?=\S)")


def mark_lengths(rows: Sequence[Row]) -> dict[int, int]:
    """The rows that begin an item, and how many of their characters are a bullet; 0 for a number, which stays.

    Dashes and stars, and numbers, begin an item only if there are more of them.
    """
    bullets = {index: match for index, row in enumerate(rows) if (match := _BULLET.match(row.text))}
    signs = Counter(match[2] for match in bullets.values())
    found = {index: match.end() for index, match in bullets.items() if not match[2] or signs[match[2]] > 1}
    numbers = {index: match for index, row in enumerate(rows) if (match := _NUMBER.match(row.text))}
    values = {_value(match) for match in numbers.values()}
    for index, match in numbers.items():
        form, value = _value(match)
        if {(form, value - 1), (form, value + 1)} & values:
            found[index] = 0
    return found


def _value(match: re.Match[str]) -> tuple[str, int]:
    mark = match[2]
    return match[1] + match[3] + ("9" if mark.isdigit() else "a"), int(mark) if mark.isdigit() else ord(mark)
