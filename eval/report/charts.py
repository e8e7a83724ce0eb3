"""The charts of a report: Vega-Lite, rendered to SVG here, so that the report needs no script and no network.

Colours are `currentColor` and the custom properties of `report.css`, so that a chart is dark where the page is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..sweep import Point, Sweep
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
_FIXED: Mapping[str, str] = {
    "var(--good)": "#116329",
    "var(--series)": "#0a56b0",
    "var(--muted)": "#57606a",
    _INK: "#1b1f24",
}
"""Where there is no `report.css`: its colours on white."""
_TOUCHING = 0.03
"""Of the width or height of a plot: points nearer to each other share a label."""
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
            **_known("low"),
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


def pareto_svg(sweep: Sweep) -> str:
    """Quality against latency: every configuration by its number, and a line through those that no other beats."""
    return _svg(_pareto(sweep), _pareto_told(sweep))


def pareto_png(sweep: Sweep) -> bytes:
    """The same as an image for other programs, in fixed colours on white."""
    import vl_convert

    spec: dict[str, Any] = json.loads(_in_fixed_colours(json.dumps({**_pareto(sweep), "config": _CONFIG})))
    return bytes(vl_convert.vegalite_to_png({**spec, "background": "white", "padding": 12}, vl_version="6.4", scale=2))


def pareto_file(sweep: Sweep) -> str:
    """The same as an SVG file that stands alone, in fixed colours."""
    return _in_fixed_colours(pareto_svg(sweep))


def _pareto(sweep: Sweep) -> dict[str, Any]:
    best, labels = sweep.recommended, _labels(sweep.points)
    rows = [
        {
            "n": labels[number],
            "quality": p.quality.mean,
            "low": p.quality.low,
            "high": p.quality.high,
            "ms": p.latency.mean,
            "optimal": p.optimal,
            "fast": p.latency.low,
            "slow": p.latency.high,
            "kind": "recommended" if p is best else "Pareto-optimal" if p.optimal else "beaten by another",
        }
        for number, p in enumerate(sweep.points, 1)
        if p.scored
    ]
    x = {
        "type": "quantitative",
        "scale": {"zero": False, "nice": True},
        "axis": {"title": "ms an item (median)", "tickCount": 5},
    }
    y = {
        "type": "quantitative",
        "scale": {"zero": False, "nice": True},
        "axis": {"title": sweep.metric, "tickCount": 5},
    }
    kinds = {"recommended": "var(--good)", "Pareto-optimal": "var(--series)", "beaten by another": "var(--muted)"}
    shapes = {"recommended": "diamond", "Pareto-optimal": "circle", "beaten by another": "cross"}
    legend = {"title": None, "orient": "bottom", "labelColor": _INK, "labelFontSize": 12, "columns": 3}
    colour = {"field": "kind", "type": "nominal", "scale": _scale(kinds), "legend": legend}
    shape = {"field": "kind", "type": "nominal", "scale": _scale(shapes), "legend": legend}
    rule = {"type": "rule", "opacity": 0.35, "aria": False}
    number = {"type": "text", "dx": 9, "dy": -8, "fontSize": 12, "color": _INK, "aria": False}
    layers: list[dict[str, Any]] = [
        {
            "transform": [{"filter": "datum.optimal"}],
            "mark": {"type": "line", "color": "var(--series)", "strokeDash": [4, 3], "aria": False},
            "encoding": {"x": {"field": "ms", **x}, "y": {"field": "quality", **y}},
        },
        {
            **_known("low"),
            "mark": rule,
            "encoding": {"x": {"field": "ms", **x}, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            **_known("fast"),
            "mark": rule,
            "encoding": {"x": {"field": "fast", **x}, "x2": {"field": "slow"}, "y": {"field": "quality", **y}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1, "aria": False},
            "encoding": {"x": {"field": "ms", **x}, "y": {"field": "quality", **y}, "color": colour, "shape": shape},
        },
        {
            "mark": number,
            "encoding": {"x": {"field": "ms", **x}, "y": {"field": "quality", **y}, "text": {"field": "n"}},
        },
    ]
    return {"width": 2 * WIDTH, "height": 300, "data": {"values": rows}, "layer": layers}


def _known(field: str) -> dict[str, Any]:
    """Of a layer: it draws only what has a value there, for an interval may be unknown."""
    return {"transform": [{"filter": f"isValid(datum.{field})"}]}


def _labels(points: Sequence[Point]) -> dict[int, str]:
    """The numbers of points as they are drawn; those of points that lie on another stand beside that one."""
    places = {n: (p.latency.mean, p.quality.mean) for n, p in enumerate(points, 1) if p.scored}
    spans = [max(of) - min(of) or 1.0 for of in zip(*places.values(), strict=True)]
    together: dict[int, list[int]] = {}
    for n, place in places.items():
        apart = {
            first: max(abs(a - b) / span for a, b, span in zip(place, places[first], spans, strict=True))  # type: ignore[operator]
            for first in together
        }
        together.setdefault(next((first for first, by in apart.items() if by < _TOUCHING), n), []).append(n)
    return {n: ", ".join(map(str, together.get(n, ()))) for n in places}


def _pareto_told(sweep: Sweep) -> str:
    told = [
        f"{number}. {p.name}: {p.quality.mean:.3f}, {p.latency.mean:,.0f} ms{' (Pareto-optimal)' if p.optimal else ''}"
        for number, p in enumerate(sweep.points, 1)
        if p.quality.mean is not None and p.latency.mean is not None
    ]
    return f"{sweep.metric} against milliseconds, with 95 % intervals: {'; '.join(told)}."


def _in_fixed_colours(text: str) -> str:
    for name, colour in _FIXED.items():
        text = text.replace(name, colour)
    return text


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
