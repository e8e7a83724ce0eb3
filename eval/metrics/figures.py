"""TAT-QA's exact match and F1, which read figures: `(1.5)` with the scale million is -1,500,000.

Source: Zhu et al., "TAT-QA", ACL 2021; `tatqa_metric.py` and `tatqa_utils.py` of its repository, whose rules these
are, to the letter, also where a figure is rounded.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

_FIGURE_MARKS = frozenset("'\"\\$€£¥%(),[]")
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "percent": 0.01}
_AMOUNT = re.compile(
    r"(?<![\w.,])(?P<figure>\d[\d,]*(?:\.\d+)?)\)?\s?(?P<scale>%|hundred\b|thousand\b|million\b|billion\b|per\s?cent\b)?",
    re.IGNORECASE,
)
_COUNTED = ("arithmetic", "count")


def figure_scores(
    answer: Sequence[str], scale: str, gold: Sequence[str], gold_scale: str, answer_type: str
) -> tuple[float, float]:
    """Exact match and F1 of an answer given as spans or one figure, with its scale apart, each 0..1.

    Args:
        answer: The spans; empty for an abstention.
        scale: `thousand`, `million`, `billion`, `percent` or empty.
        gold: The spans of the reference.
        gold_scale: Its scale.
        answer_type: `span`, `multi-span`, `arithmetic` or `count`; the F1 of the last two is their exact match.
    """
    if not any(answer) or not gold:
        return 0.0, 0.0
    said, wanted = [_joined(answer, scale)], _joined(gold, gold_scale)
    if len(answer) == 1 and not scale and "%" not in answer[0] and _is_figure(answer[0]):
        value = _value(answer[0])
        said += [] if value is None else [f"{value:.4f}"]
    match, f1 = max(_match(one, wanted) for one in said)
    return match, match if answer_type in _COUNTED else f1


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


def _joined(spans: Sequence[str], scale: str) -> str:
    """Spans in the order of the alphabet, with figures written out."""
    parts = []
    for span in sorted(spans):
        value = _value(span) if _is_figure(span) else None
        if value is None:
            parts.append(f"{span} {scale}" if scale else span)
        elif "%" in span:
            parts.append(f"{value:.4f}")
        else:
            parts.append(f"{round(value, 2) * _factor(scale):.4f}")
    return " ".join(parts)


def _match(said: str, wanted: str) -> tuple[float, float]:
    mine, theirs = _normalized(said), _normalized(wanted)
    a, b = set(mine.split()), set(theirs.split())
    shared = len(a & b)
    precision, recall = shared / len(a) if a else 1.0, shared / len(b) if b else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return float(mine == theirs), round(f1, 2)


def _normalized(text: str) -> str:
    parts = (_token(token.lower()) for token in text.split(" "))
    return " ".join(part for part in parts if part)


def _token(token: str) -> str:
    if not _is_figure(token):
        token = "".join(char for char in token if char not in string.punctuation)
    value = _value(token) if _is_figure(token) else None
    token = str(value) if _is_figure(token) else token
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", token).split())


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
