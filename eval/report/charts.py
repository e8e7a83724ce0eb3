"""The charts of a report: Vega-Lite, rendered to SVG here, so that the report needs no script and no network.

Colours are `currentColor` and the custom properties of `report.css`, so that a chart is dark where the page is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .data import Change, Trend

WIDTH = 250
"""Of the drawing area, in CSS pixels: a chart with its axis fits on a telephone."""
_INK = "currentColor"
_CONFIG: Mapping[str, Any] = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _INK,
        "titleColor": _INK,
        "domainColor": _INK,
        "tickColor": _INK,
        "gridColor": _INK,
        "gridOpacity": 0.12,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
}
_COLOURS: Mapping[str, str] = {
    "better": "var(--good)",
    "worse": "var(--bad)",
    "different": "var(--warn)",
    "no difference": "var(--muted)",
}
_SHAPES: Mapping[str, str] = {"better": "triangle-up", "worse": "triangle-down", "different": "square"}
"""Beside the colour; a circle where nothing is told apart."""
_NAME: Mapping[str, Any] = {
    "type": "text",
    "align": "left",
    "x": 0,
    "dy": -7,
    "fontSize": 12,
    "color": _INK,
    "limit": WIDTH + 60,
    "aria": False,
}
_HALO: Mapping[str, Any] = {"color": "var(--paper)", "stroke": "var(--paper)", "strokeWidth": 5}
"""Below a name, so that no line goes through it."""
_ROW = 34
"""Pixels that a row of the differences takes: its name and its interval."""


def trend_svg(trend: Trend) -> str:
    """A figure over time: the mean of each run, the band of its 95 % interval, and what a gate asks."""
    rows = [
        {
            "n": place,
            "mean": p.value.mean,
            "low": p.value.low,
            "high": p.value.high,
            "same": p.same,
            "run": p.begun[:10],
        }
        for place, p in enumerate(trend.points)
    ]
    x = {"field": "n", "type": "quantitative", "axis": _run_axis([point.begun[:10] for point in trend.points])}
    y = {"type": "quantitative", "scale": {"zero": False, "nice": True}, "axis": {"title": None, "tickCount": 4}}
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "area", "color": "var(--series)", "opacity": 0.18, "aria": False},
            "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "line", "color": "var(--series)", "strokeWidth": 2, "aria": False},
            "encoding": {"x": x, "y": {"field": "mean", **y}},
        },
        {
            "mark": {"type": "point", "color": "var(--series)", "size": 40, "strokeWidth": 1.5, "aria": False},
            "encoding": {
                "x": x,
                "y": {"field": "mean", **y},
                "fill": {"condition": {"test": "datum.same", "value": "var(--series)"}, "value": "var(--paper)"},
            },
        },
    ]
    if trend.limit is not None:
        layers.append(
            {
                "data": {"values": [{"limit": trend.limit}]},
                "mark": {"type": "rule", "color": "var(--bad)", "strokeDash": [4, 3], "aria": False},
                "encoding": {"y": {"field": "limit", **y}},
            }
        )
    last = trend.points[-1]
    told = f"{trend.unit}, {trend.metric}, over {len(rows)} runs from {trend.points[0].begun[:10]} to {last.begun[:10]}"
    return _svg(
        {"width": WIDTH, "height": 110, "data": {"values": rows}, "layer": layers},
        f"{told}; the last is {last.value}.",
    )


def differences_svg(changes: Sequence[Change]) -> str:
    """The differences from the baseline with their 95 % intervals, one below the other, and a line at none."""
    rows = [
        {
            "row": place,
            "name": f"{change.unit} {change.metric}",
            "mean": change.difference.mean,
            "low": change.difference.low,
            "high": change.difference.high,
            "verdict": change.verdict,
        }
        for place, change in enumerate(changes)
        if change.difference.mean is not None
    ]
    end = max(0.01, *(abs(row[name]) for row in rows for name in ("low", "high"))) * 1.05  # type: ignore[arg-type]
    x = {"type": "quantitative", "scale": {"domain": [-end, end]}, "axis": {"title": "difference from the baseline"}}
    y = {"field": "row", "type": "ordinal", "axis": None, "scale": {"paddingInner": 0.1}}
    colour = {"field": "verdict", "type": "nominal", "legend": None, "scale": _scale(_COLOURS)}
    shape = {
        "field": "verdict",
        "type": "nominal",
        "legend": None,
        "scale": _scale({**_SHAPES, "no difference": "circle"}),
    }
    layers = [
        {
            "data": {"values": [{"none": 0}]},
            "mark": {"type": "rule", "color": _INK, "opacity": 0.6, "aria": False},
            "encoding": {"x": {"field": "none", **x}},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 2.5, "yOffset": 7, "aria": False},
            "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}, "y": y, "color": colour},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1, "yOffset": 7, "aria": False},
            "encoding": {"x": {"field": "mean", **x}, "y": y, "color": colour, "shape": shape},
        },
        *({"mark": mark, "encoding": {"y": y, "text": {"field": "name"}}} for mark in ({**_NAME, **_HALO}, _NAME)),
    ]
    told = "; ".join(f"{row['name']} {row['mean']:+.3f} ({row['verdict']})" for row in rows)
    return _svg(
        {"width": WIDTH + 60, "height": _ROW * len(rows), "data": {"values": rows}, "layer": layers},
        f"Differences from the baseline with 95 % intervals: {told}.",
    )


def _run_axis(days: Sequence[str]) -> dict[str, Any]:
    """The first and the last day; every run is as far from the next, whenever it was."""
    last = len(days) - 1
    return {
        "title": None,
        "grid": False,
        "values": [0, last],
        "labelExpr": f"datum.value == 0 ? '{days[0]}' : '{days[last]}'",
        "labelFlush": True,
    }


def _scale(values: Mapping[str, str]) -> dict[str, Any]:
    return {"domain": list(values), "range": list(values.values())}


def _svg(spec: Mapping[str, Any], description: str) -> str:
    """An SVG image that says in words what it shows."""
    import vl_convert

    drawn = vl_convert.vegalite_to_svg({**spec, "config": _CONFIG}, vl_version="6.4")
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(description)}" ', 1)
