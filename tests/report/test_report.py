import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ragstone.eval.gates import Gate
from ragstone.eval.report.areas import area_of
from ragstone.eval.report.data import Report, build_report
from ragstone.eval.report.html import as_html
from ragstone.eval.report.items import flips, worst
from ragstone.eval.report.junit import as_junit
from ragstone.eval.report.markdown import as_markdown
from ragstone.eval.run_sets import RunSet, find_run_sets
from ragstone.eval.task import Row, Task

GOLDEN = Path(__file__).parent / "golden"
BETTER = {"faithfulness": "more", "hallucination": "less", "sub-span EM": "more", "abstained rightly": "more"}
Tasks = Mapping[str, Task[Any, Any]]


def against_golden(name: str, text: str) -> None:
    """WRITE_GOLDEN=1 writes the file instead; then read what changed in it."""
    path = GOLDEN / name
    if os.environ.get("WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_the_markdown_is_as_it_was(report: Report):
    against_golden("report.md", as_markdown(report))


def test_the_junit_is_as_it_was(report: Report):
    text = as_junit(report)
    against_golden("report.junit.xml", text)
    root = ElementTree.fromstring(text)
    assert [(suite.get("name"), suite.get("failures"), suite.get("errors")) for suite in root] == [
        ("gates", "5", "0"),
        ("suites", "0", "1"),
    ]


def test_the_html_is_as_it_was(html: str):
    text = re.sub(r"<svg.*?</svg>", "<svg></svg>", html, flags=re.DOTALL)
    against_golden("report.html", re.sub(r"<style>.*</style>|sha256-[^']*", "", text, flags=re.DOTALL))


def test_the_verdict_is_that_of_the_gates_then_of_what_is_more_than_noise(
    report: Report,
    night: RunSet,
    first_night: RunSet,
    nights: Path,
    tasks: Tasks,
    rows: list[Row],
    write: Callable[..., Any],
    tmp_path: Path,
):
    assert report.state == "gate"
    assert report.headline == (
        "5 of 14 gates are not met; 3 figures got worse by more than noise; 1 item failed; 1 suite could not be run; "
        "1 suite put off for want of time."
    )
    ungated = build_report(night, tasks, baseline=first_night)
    assert (ungated.state, ungated.headline) == (
        "worse",
        "No gate was checked; 3 figures got worse by more than noise; 1 item failed.",
    )
    for name, day in (("whole", 25), ("before", 24)):
        write(tmp_path / name, {"own": ("own", [row for row in rows if not row.error])}, day)
    whole, before = RunSet.read(tmp_path / "whole"), RunSet.read(tmp_path / "before")
    alone = build_report(whole, tasks)
    assert (alone.state, alone.headline) == ("measured", "No gate was checked; there is no baseline to compare with.")
    third = RunSet.read(nights / "2026-11-22")
    quiet = build_report(whole, tasks, baseline=before, gates=[Gate(max_drop=0.02)])
    assert (quiet.state, quiet.headline) == (
        "good",
        "All 5 gates are met; no figure got worse by more than noise.",
    )
    lacking = build_report(whole, tasks, baseline=before, not_run={"bbq": "a file is missing"})
    assert lacking.state == "incomplete"
    failing = build_report(third, tasks, baseline=first_night, gates=[Gate(max_drop=0.02)])
    assert (failing.state, failing.headline) == (
        "incomplete",
        "All 12 gates are met; no figure got worse by more than noise; 1 item failed.",
    )


def test_what_is_more_than_noise_is_told_from_what_perhaps_is(report: Report):
    assert [change.metric for change in report.moved("beyond noise")] == [
        "hallucination",
        "smol: faithfulness",
        "faithfulness",
    ]
    assert {change.metric for change in report.moved("perhaps noise")} == {"nDCG@10", "MRR@10", "MAP@100"}


def test_the_trend_has_the_nights_before_in_order_and_the_gate(report: Report):
    trend = next(one for one in report.trends if (one.unit, one.metric) == ("own", "faithfulness"))
    assert [point.run for point in trend.points] == [f"2026-11-{day}" for day in range(20, 25)]
    assert trend.limit == 0.85
    assert all(point.same for point in trend.points)


def test_other_documents_are_named_and_their_points_are_marked(
    night: RunSet, nights: Path, tasks: Tasks, tmp_path: Path, write: Callable[..., Any], rows: Sequence[Row]
):
    write(tmp_path / "later", {"own": ("own", rows)}, 25, corpus="d00d")
    report = build_report(RunSet.read(tmp_path / "later"), tasks, baseline=night, history=find_run_sets(nights))
    assert [one.what for one in report.unlike if not one.honest] == ["corpus: fingerprint"]
    assert [point.same for point in report.trends[0].points] == [False] * 5 + [True]
    assert "The documents are not those of the baseline" in as_html(replace(report, trends=[], changes=[]))
    assert "The documents are not those of the baseline" in as_markdown(report)


def test_the_worst_answers_begin_with_those_that_failed(rows: list[Row]):
    found = worst({"own": rows}, {"own": BETTER}, 4)
    assert [(item.id, item.quality) for item in found] == [("q39", None), ("q38", 0.0), ("q00", 0.375), ("q01", 0.375)]
    assert found[0].error == "the answer broke off. Ask again."
    assert found[1].abstained
    assert [one.verdict for one in found[2].sentences] == ["supported", "unsupported"]
    assert found[2].passages[0][0] == "reports/station-0.pdf"
    assert found[0].other == {}
    perfect = [row for row in rows if row.values == dict(zip(BETTER, (1.0, 0.0, 1.0, 1.0), strict=True))]
    assert perfect and worst({"own": perfect}, {"own": BETTER}, 4) == []


def test_what_is_no_answer_in_words_does_not_crowd_out_answers(report: Report):
    assert {item.unit for item in report.worst} == {"own"}
    assert {item.unit for item in report.worst_others} == {"retrieval/stations"}
    assert (len(report.worst), len(report.worst_others)) == (10, 5)


def test_an_item_fails_newly_when_a_value_falls_by_half_or_its_output_is_lost(rows: list[Row]):
    good = rows[10]
    wrong = replace(good, values={**good.values, "sub-span EM": 0.0})
    lost = replace(good, output=None, values=dict.fromkeys(good.values), error="it broke off")
    less = replace(good, values={**good.values, "faithfulness": 0.6})
    for bad, what in ((wrong, "sub-span EM 1 → 0"), (lost, "output there → failed")):
        new, fixed = flips("own", [bad], [good], BETTER)
        assert ([flip.what for flip in new], fixed) == ([what], [])
    new, fixed = flips("own", [good], [wrong], BETTER)
    assert (new, [flip.what for flip in fixed]) == ([], ["sub-span EM 0 → 1"])
    assert flips("own", [less], [good], BETTER) == ([], [])
    other = replace(good, shown={"question": "Another?"})
    assert flips("own", [wrong], [other], BETTER) == ([], [])


def test_what_failed_is_no_output_that_was_made(
    rows: list[Row], write: Callable[..., Any], tasks: Tasks, tmp_path: Path
):
    of = [replace(row, cached=n < 5) for n, row in enumerate(rows)]
    failed = sum(bool(row.error) for row in of)
    write(tmp_path / "run", {"own": ("own", of)}, 25)
    cost = build_report(RunSet.read(tmp_path / "run"), tasks).cost
    assert (failed, cost.made, cost.reused) == (1, len(of) - 6, 5)
    assert cost.seconds == pytest.approx(sum(row.seconds or 0 for row in of if not row.cached and not row.error))


def test_outputs_of_another_kind_are_shown_as_they_are(night: RunSet):
    rows = night.units["retrieval/stations"].rows()
    (item,) = worst({"retrieval/stations": rows}, {"retrieval/stations": night.units["retrieval/stations"].better}, 1)
    assert item.question == "Which station is 0?"
    assert item.other == {"asked": {"relevant": {"d0": 1}}, "output": ["other", "d0"]}


@pytest.mark.parametrize(
    ("suite", "metric", "area"),
    [
        ("own", "faithfulness", "Faithfulness"),
        ("own", "hallucination rate", "Hallucination"),
        ("own", "wrongly refused", "Abstention and confidence"),
        ("own", "token F1", "Answers"),
        ("bbq", "accuracy, ambiguous", "Bias and safety"),
        ("retrieval", "nDCG@10", "Retrieval"),
        ("grounding", "F1", "The judge's own accuracy"),
        ("grounding", "seconds", "Latency"),
        ("own", "something new", "Other figures"),
    ],
)
def test_a_figure_has_its_area(suite: str, metric: str, area: str):
    assert area_of(suite, metric) == area


def test_json_holds_everything_and_nothing_that_is_no_json(report: Report):
    found = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert found["format"] == 1
    assert {"state", "headline", "gates", "changes", "trends", "worst", "new_failures", "cost"} <= found.keys()
    made = [n for n in range(39) if n % 4]  # the fortieth failed
    assert found["cost"] == {
        "seconds": pytest.approx(sum(0.9 + 0.01 * n for n in made) + 30 * 0.01),
        "made": len(made) + 30,
        "reused": 10,
        "tokens": {"prompt": sum(400 + n for n in made)},
        "joules": 2.5 * len(made),
    }


def test_text_of_documents_is_only_text(report: Report, html: str):
    assert "<script" not in html.lower()
    assert "<img" not in html.lower()
    assert "&lt;script&gt;document.title = &#34;taken&#34;&lt;/script&gt;" in html
    assert "Content-Security-Policy" in html and "default-src 'none'" in html
    markdown = as_markdown(report)
    assert "<script" not in markdown and "&lt;script&gt;" in markdown
    assert "](" not in markdown and "://" not in markdown
    assert "When was the pump" not in as_markdown(report, items=False)


def test_characters_that_xml_cannot_hold_are_replaced(report: Report):
    broken = replace(report, not_run={"bbq": "a \x00 byte, \ud800 half a character"})
    text = as_junit(broken)
    assert ElementTree.fromstring(text) is not None
    text.encode("utf-8")


def test_feedback_of_users_has_its_place(report: Report):
    said = {
        "when": "2026-11-23T10:00:00+00:00",
        "rating": "wrong",
        "reason": "it is <b>older</b>",
        "question": "How old is it?",
        "answer": "Three.",
    }
    html = as_html(replace(report, feedback=[said], trends=[], changes=[]))
    assert "What users said" in html
    assert "it is &lt;b&gt;older&lt;/b&gt;" in html


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_colour_of_text_has_the_contrast_of_wcag_aa(html: str):
    palettes = [
        dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", html, re.S)
    ]
    assert len(palettes) == 3  # light, dark, print
    papers = {"good": "good-paper", "bad": "bad-paper", "warn": "warn-paper"}
    for palette in palettes:
        for ink in ("ink", "muted", "good", "bad", "warn", "series"):
            for paper in ("paper", "raised", papers.get(ink, "paper"), *(papers.values() if ink == "ink" else ())):
                light, dark = sorted((_luminance(palette[ink]), _luminance(palette[paper])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper, palette)
