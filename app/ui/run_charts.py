"""The figures of runs as charts that can be pointed at, in Vega-Lite: over time, and beside another run.

The browser draws them from what this server sends; `eval.report.charts` has those of the report, which need no script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...eval.report.data import Change
from ...eval.run_sets import RunSet
from ...eval.stats import Estimate

Points = Sequence[tuple[RunSet, Estimate]]
"""A figure of several runs, oldest first; each mean is known."""

_ROW = 28
"""Pixels of a figure in the chart of differences."""
_VERDICTS: Mapping[str, tuple[str, str]] = {
    "better": ("triangle-up", "#2e8b57"),
    "worse": ("triangle-down", "#d1495b"),
    "different": ("square", "#b8860b"),
    "no difference": ("circle", "#7f8c9b"),
    "unscored": ("cross", "#7f8c9b"),
}
"""The shape and the colour of each verdict."""
_KNOWN = {"filter": "isValid(datum.low)"}
"""The interval of few sources is unknown, and is not drawn."""


def figures_over_time(runs: Sequence[RunSet]) -> dict[tuple[str, str], list[tuple[RunSet, Estimate]]]:
    """Each figure, by set and metric, in the runs that have it, in their order; what is unscored is left out."""
    found: dict[tuple[str, str], list[tuple[RunSet, Estimate]]] = {}
    for run in runs:
        for name, unit in run.units.items():
            for metric, value in unit.metrics.items():
                if value.mean is not None:
                    found.setdefault((name, metric), []).append((run, value))
    return found


def trend_chart(metric: str, points: Points) -> dict[str, Any]:
    """A figure over time: the mean of each run with its 95 % interval."""
    rows = [
        {"run": run.name, "begun": run.begun, "mean": value.mean, "low": value.low, "high": value.high}
        | {"told": str(value)}
        for run, value in points
    ]
    y = {"type": "quantitative", "title": metric, "scale": {"zero": False, "nice": True}}
    return {
        "description": f"{metric} of {len(rows)} runs; the last is {rows[-1]['told']}.",
        "height": 240,
        "data": {"values": rows},
        "encoding": {
            "x": {"field": "begun", "type": "temporal", "title": None},
            "tooltip": _tooltip(run="run", told="mean [95 %]"),
        },
        "layer": [
            {
                "transform": [_KNOWN],
                "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.5},
                "encoding": {"y": {"field": "low", **y}, "y2": {"field": "high"}},
            },
            {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"y": {"field": "mean", **y}}},
            {
                "mark": {"type": "point", "size": 70, "filled": True, "opacity": 1},
                "encoding": {"y": {"field": "mean", **y}},
                "params": [{"name": "zoom", "select": {"type": "interval", "encodings": ["x"]}, "bind": "scales"}],
            },
        ],
    }


def differences_chart(changes: Sequence[Change]) -> dict[str, Any] | None:
    """The differences from the baseline with their 95 % intervals; None where none is known."""
    rows = [
        {
            "figure": f"{change.unit} {change.metric}",
            "mean": change.difference.mean,
            "low": change.difference.low,
            "high": change.difference.high,
            "told": str(change.difference),
            "now": str(change.value),
            "before": str(change.baseline),
            "verdict": change.verdict,
        }
        for change in changes
        if change.difference.mean is not None
    ]
    if not rows:
        return None
    colours, shapes = ({"domain": [*_VERDICTS], "range": [v[i] for v in _VERDICTS.values()]} for i in (1, 0))
    x = {"type": "quantitative", "title": "difference: this run less the other"}
    return {
        "description": "; ".join(f"{row['figure']}: {row['told']}, {row['verdict']}" for row in rows),
        "height": _ROW * len(rows) + 40,
        "layer": [
            {
                "data": {"values": [{"none": 0}]},
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": "#7f8c9b"},
                "encoding": {"x": {"field": "none", "type": "quantitative"}},
            },
            {
                "data": {"values": rows},
                "encoding": {
                    "y": {"field": "figure", "type": "nominal", "title": None, "sort": None},
                    "color": {"field": "verdict", "type": "nominal", "legend": None, "scale": colours},
                    "tooltip": _tooltip(
                        figure="figure", told="difference [95 %]", now="now", before="before", verdict="verdict"
                    ),
                },
                "layer": [
                    {
                        "transform": [_KNOWN],
                        "mark": {"type": "rule", "strokeWidth": 3},
                        "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
                    },
                    {
                        "mark": {"type": "point", "size": 90, "filled": True, "opacity": 1},
                        "encoding": {
                            "x": {"field": "mean", **x},
                            "shape": {"field": "verdict", "type": "nominal", "legend": None, "scale": shapes},
                        },
                    },
                ],
            },
        ],
    }


def _tooltip(**titles: str) -> list[dict[str, str]]:
    return [{"field": field, "type": "nominal", "title": title} for field, title in titles.items()]
