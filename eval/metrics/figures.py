"""Figures in texts, read as TAT-QA reads them: `(1.5)` with the scale million is -1,500,000.

Source: Zhu et al., "TAT-QA", ACL 2021; `tatqa_utils.py` of its repository, whose rules of reading these are.
"""

from __future__ import annotations

import re

_FIGURE_MARKS = frozenset("'\"\\$€£¥%(),[]")
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "percent": 0.01}
_AMOUNT = re.compile(
    r"(?<![\w.,])(?P<figure>\d[\d,]*(?:\.\d+)?)\)?\s?(?P<scale>%|hundred\b|thousand\b|million\b|billion\b|per\s?cent\b)?",
    re.IGNORECASE,
)


def states_figure(answer: str, gold: str, gold_scale: str) -> float | None:
    """1.0 when an amount in a running text is the reference's, else 0.0; our own measure.

    TAT-QA's exact match wants the figure alone, and a sentence is never that. Here an amount is a figure with the
    word of scale, or the per cent sign, after it; without one it is also taken in the scale of the reference, as
    tables have it. It has to give the reference when it is rounded to as many places. Its sign is not heeded: a
    sentence says that something fell. None when the reference is no figure.
    """
    value = _value(gold) if _is_figure(gold) else None
    wanted = re.search(r"[\d,]*\.?\d+", gold)
    if value is None or wanted is None:
        return None
    unit = value / float(wanted.group().replace(",", "")) if value else 1.0
    step = 10.0 ** -len(wanted.group().partition(".")[2]) * abs(unit) * _factor(gold_scale)
    target = abs(value) * _factor(gold_scale)
    for match in _AMOUNT.finditer(answer):
        figure, scale = float(match["figure"].replace(",", "")), (match["scale"] or "").lower()
        factor = 0.01 if scale.startswith(("%", "per")) else _factor(scale)
        units = (factor,) if scale else (1.0, abs(unit) * _factor(gold_scale))
        if any(abs(figure * one - target) <= step * (0.5 + 1e-9) for one in units):
            return 1.0
    return 0.0


def _is_figure(text: str) -> bool:
    words = " ".join(_unmarked(word) for word in text.split()).split()
    if not words:
        return False
    try:
        number = float(words[0])
    except ValueError:
        return False
    return number == number and (len(words) < 2 or _factor(words[1]) != 1)


def _value(text: str) -> float | None:
    """A figure with all that changes it: a word of scale, brackets for less than nothing, a per cent sign."""
    found = re.search(r"([+-]?\d+(\.\d+)?)|([+-]?\.\d+)", _unmarked(text))
    if found is None or not found.group(1):
        return None
    number = float(found.group(1)) if "." in found.group(1) else int(found.group(1))
    word = re.search(r"[\d.]+\s?[a-zA-Z]+", text)
    scale = _factor(word.group()) if word else 1
    sign = -1 if re.search(r"\([\d.\s]+\)", text.strip()) else 1
    percent = 0.01 if re.search(r"[\d.\s]+%", text.strip()) else 1
    return round(number * scale * sign * percent, 4)


def _unmarked(text: str) -> str:
    return "".join(char for char in text if char not in _FIGURE_MARKS)


def _factor(scale: str) -> float:
    return next((factor for word, factor in _SCALES.items() if word in scale.lower()), 1)
