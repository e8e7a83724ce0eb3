"""A report as Markdown, for a pull request, a mail or a terminal. Text of documents is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from ..stats import Estimate
from .data import Change, Report
from .items import Flip, ItemShown
from .wording import SIGNS, WORDS, number, p_value, shorten, signed

MOST_FLIPS = 10
_SPECIAL = re.compile(r"([\\`*_\[\]#!|~@]|^[-+]|(?<=^\d)[.)](?= ))")


def as_markdown(report: Report, *, items: bool = True) -> str:
    """The report's text.

    Args:
        report: What to write down.
        items: Whether to show questions, answers and sentences; without them it holds figures only.
    """
    return "\n".join(_lines(report, items)).rstrip() + "\n"


def _lines(report: Report, items: bool) -> Iterator[str]:
    yield f"# {SIGNS[report.state]} {WORDS[report.state]}"
    yield f"\n{report.headline}\n"
    against = f", compared with {_text(report.baseline)}" if report.baseline else ""
    yield f"Run {_text(report.name)} of {report.begun}, {_text(report.subject)}{against}.\n"
    changed = [one for one in report.unlike if not one.honest]
    if changed:
        yield "**The documents are not those of the baseline;** what changed may come from them:\n"
        yield from (f"- {_text(one.what)}: {_text(one.baseline)} → {_text(one.now)}" for one in changed)
        yield ""
    yield from _changes("More than noise", report.moved("beyond noise"))
    yield from _changes("Perhaps noise", report.moved("perhaps noise"))
    yield from _gates(report)
    if report.not_run or report.put_off:
        yield "## Not run\n"
        yield from (f"- {_text(suite)}: {_text(why)}" for suite, why in report.not_run.items())
        yield from (f"- {_text(suite)}: no time was left" for suite in report.put_off)
        yield ""
    yield "## All figures\n"
    for area, figures in report.areas():
        yield f"### {area}\n"
        rows = [(f"{one.unit}: {one.metric}", _spread(one.value), one.value.count) for one in figures]
        yield from _table(("Figure", "Mean [95 %]", "n"), rows)
    if items and report.use:
        yield "## Real use\n"
        yield from (f"- {_text(line)}" for line in report.use)
        yield ""
    if items:
        yield from _flips("New failures", report.new_failures)
        yield from _flips("Fixed", report.fixed)
        yield from _worst("The worst answers", report.worst)
        yield from _worst("The worst of what is no answer in words", report.worst_others)
    yield from _warnings(report)


def _changes(title: str, changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        return
    yield f"## {title}\n"
    rows = []
    for change in changes:
        of = change.difference
        moved = f"{signed(of.mean)} {of.between(signed)}"
        values = number(change.baseline.mean), number(change.value.mean)
        rows.append((f"{change.unit}: {change.metric}", *values, moved, p_value(change.p_holm), change.verdict))
    yield from _table(("Figure", "Baseline", "Now", "Difference [95 %]", "p (Holm)", "Verdict"), rows)


def _gates(report: Report) -> Iterator[str]:
    if not report.gates:
        return
    yield "## Gates\n"
    told = [gate for gate in report.gates if gate.state != "met"]
    if told:
        rows = [(gate.state, f"{gate.unit}: {gate.metric}", gate.gate, gate.reason) for gate in told]
        yield from _table(("State", "Figure", "Gate", "Found"), rows)
    if met := len(report.gates) - len(told):
        yield f"{met} met.\n"


def _flips(title: str, flips: Sequence[Flip]) -> Iterator[str]:
    if not flips:
        return
    yield f"## {title}: {len(flips)}\n"
    for flip in flips[:MOST_FLIPS]:
        yield f"- {_text(flip.question or flip.id)} ({_text(flip.unit)}; {_text(flip.what)})"
        if flip.now or flip.before:
            yield f"  - before: {_text(flip.before)}"
            yield f"  - now: {_text(flip.now)}"
    if len(flips) > MOST_FLIPS:
        yield f"- and {len(flips) - MOST_FLIPS} more"
    yield ""


def _worst(title: str, items: Sequence[ItemShown]) -> Iterator[str]:
    if not items:
        return
    yield f"## {title}\n"
    for place, item in enumerate(items, 1):
        yield f"{place}. **{_text(item.question or item.id)}** ({_text(item.unit)})"
        if item.error:
            yield f"   - failed: {_text(item.error)}"
        elif item.abstained:
            yield "   - did not answer"
        for one in item.sentences:
            yield f"   - {'✗ not supported: ' if one.verdict == 'unsupported' else ''}{_text(one.text)}"
        if item.answer and not item.sentences:
            yield f"   - {_text(item.answer)}"
        if item.references:
            yield f"   - right would be: {_text(' · '.join(item.references))}"
        values = ", ".join(f"{name} {number(value)}" for name, value in item.values.items())
        yield f"   - {_text(values)}"
    yield ""


def _warnings(report: Report) -> Iterator[str]:
    lines = [*report.warnings, *(f"{one.what}: {one.baseline} → {one.now}" for one in report.unlike)]
    if lines:
        yield "## What else differs from the baseline\n"
        yield from (f"- {_text(line)}" for line in lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    yield from (f"| {' | '.join(_text(cell) for cell in row)} |" for row in rows)
    yield ""


def _spread(of: Estimate) -> str:
    return "unscored" if of.mean is None else f"{number(of.mean)} {of.between(number)}"


def _text(text: str) -> str:
    """On one line, with everything escaped that Markdown, HTML or a forge could read as more than text."""
    return _SPECIAL.sub(r"\\\1", escape(shorten(text), quote=False)).replace("://", "&#58;//")
