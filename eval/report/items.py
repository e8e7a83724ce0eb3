"""The items that people should look at: the worst answers, and those that fail now or fail no longer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..task import Row

FALL = 0.5
"""By so much a value between 0 and 1 has to fall to be a new failure, or rise to be fixed."""


@dataclass(frozen=True, slots=True)
class SentenceShown:
    """A sentence of an answer."""

    text: str
    verdict: str
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ItemShown:
    """An item as people read it."""

    unit: str
    id: str
    group: str
    question: str
    references: tuple[str, ...]
    answer: str
    """Empty where there is none."""
    abstained: bool
    sentences: tuple[SentenceShown, ...]
    """Empty where they were not checked."""
    passages: tuple[tuple[str, str], ...]
    """Document and text."""
    values: Mapping[str, float | None]
    """Those that a metric is named after, and what judges said."""
    reasons: Mapping[str, str]
    error: str
    quality: float | None
    """The mean of the values between 0 and 1, each turned so that 1 is good; None where there are none."""
    other: Mapping[str, Any]
    """What else was shown or came out, where it is no answer in words."""


@dataclass(frozen=True, slots=True)
class Flip:
    """An item that fails now and did not in the baseline, or the other way round."""

    unit: str
    id: str
    question: str
    what: str
    """Which values moved, as in "faithfulness 1 to 0"."""
    before: str
    now: str


def shown(unit: str, row: Row, better: Mapping[str, str]) -> ItemShown:
    """A row as people read it.

    Args:
        unit: The set's name.
        row: The row.
        better: By metric, which way is better.
    """
    output = row.output if isinstance(row.output, Mapping) else {}
    asked = row.shown if isinstance(row.shown, Mapping) else {"question": row.shown}
    in_words = isinstance(output.get("text"), str)
    passages = _sequence(output.get("passages")) if in_words else ()
    judged = {f"{judge}: {name}": value for judge, scores in row.judged.items() for name, value in scores.items()}
    return ItemShown(
        unit=unit,
        id=row.id,
        group=row.group,
        question=_text(asked.get("question", "")),
        references=tuple(map(_text, _sequence(asked.get("references")))),
        answer=_text(output["text"]) if in_words else "",
        abstained=bool(output.get("abstained")),
        sentences=tuple(
            SentenceShown(_text(one["text"]), str(one["verdict"]), tuple(one.get("citations", ())))
            for one in _sequence(output.get("sentences"))
            if in_words and "verdict" in one
        ),
        passages=tuple((_text(name), _text(text)) for name, text in passages),
        values={**{name: value for name, value in row.values.items() if name in better}, **judged},
        reasons=dict(row.reasons),
        error=row.error,
        quality=quality(row, better),
        other={}
        if in_words or row.error
        else {"asked": _without(asked, "question", "references"), "output": row.output},
    )


def is_answer(row: Row) -> bool:
    """Whether it is an answer in words, or should have been one."""
    if isinstance(row.output, Mapping):
        return isinstance(row.output.get("text"), str)
    return row.output is None and isinstance(row.shown, Mapping) and "references" in row.shown


def worst(rows: Mapping[str, Sequence[Row]], better: Mapping[str, Mapping[str, str]], most: int) -> list[ItemShown]:
    """The worst items, at most so many: first those without an output, then by quality, then by support.

    An item of which every value is as good as it can be is never among them.

    Args:
        rows: By unit.
        better: By unit and metric, which way is better.
        most: How many.
    """
    found: list[tuple[tuple[Any, ...], ItemShown]] = []
    for unit, of in rows.items():
        for row in of:
            good = quality(row, better[unit])
            if row.error or (good is not None and good < 1):
                support = row.output.get("support") if isinstance(row.output, Mapping) else None
                support = support if isinstance(support, (int, float)) else 1.0
                key = (not row.error, 1.0 if good is None else good, support, unit, row.id)
                found.append((key, shown(unit, row, better[unit])))
    return [item for _, item in sorted(found, key=lambda one: one[0])[:most]]


def quality(row: Row, better: Mapping[str, str]) -> float | None:
    """The mean of the values between 0 and 1, each turned so that 1 is good."""
    good = list(_turned(row, better).values())
    return sum(good) / len(good) if good else None


def _turned(row: Row, better: Mapping[str, str]) -> dict[str, float]:
    return {
        name: value if better[name] == "more" else 1 - value
        for name, value in row.values.items()
        if value is not None and better.get(name) in ("more", "less") and 0 <= value <= 1
    }


def flips(
    unit: str, rows: Sequence[Row], baseline: Sequence[Row], better: Mapping[str, str]
) -> tuple[list[Flip], list[Flip]]:
    """The new failures and what is fixed, among the items that two runs share.

    An item fails newly when it has no output now and had one, or one of its values fell by at least one half of the way
    from good to bad; fixed is the reverse.
    """
    before = {row.id: row for row in baseline}
    new, fixed = [], []
    for row in rows:
        other = before.get(row.id)
        if other is None or other.shown != row.shown:
            continue
        texts = _answer(other), _answer(row)
        question = shown(unit, row, better).question
        if fell := [f"{name} {good} → {bad}" for name, good, bad in _fell(other, row, better)]:
            new.append(Flip(unit, row.id, question, "; ".join(fell), *texts))
        if rose := [f"{name} {bad} → {good}" for name, good, bad in _fell(row, other, better)]:
            fixed.append(Flip(unit, row.id, question, "; ".join(rose), *texts))
    return new, fixed


def _fell(good: Row, bad: Row, better: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """What is much worse in the second row: its name, and both values."""
    if bad.error and not good.error:
        yield "output", "there", "failed"
        return
    turned, other = _turned(good, better), _turned(bad, better)
    for name in sorted(turned.keys() & other.keys()):
        if turned[name] - other[name] >= FALL:
            yield name, f"{good.values[name]:.2g}", f"{bad.values[name]:.2g}"


def _answer(row: Row) -> str:
    if row.error:
        return f"failed: {row.error}"
    if isinstance(row.output, Mapping) and isinstance(row.output.get("text"), str):
        return "abstained" if row.output.get("abstained") else _text(row.output["text"])
    return ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _without(value: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: one for name, one in value.items() if name not in names}
