"""A report as one HTML file: no script, nothing from outside, and all text escaped."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..stats import Estimate
from ..sweep import Sweep
from .charts import differences_svg, pareto_svg, trend_svg
from .data import Change, Report
from .wording import SIGNS, WORDS, number, p_value, shorten, signed

MOST_FLIPS: Final = 20
MOST_DIFFERENCES: Final = 16
"""Figures in the chart of the differences."""


def as_html(report: Report) -> str:
    """The file's text."""
    drawn = _drawn(report)
    return _rendered(
        "report.html.jinja",
        report=report,
        verdict_word=WORDS[report.state],
        verdict_sign=SIGNS[report.state],
        differences=Markup(differences_svg(drawn)) if drawn else "",  # Vega escapes what it is given
        trends=[(trend, Markup(trend_svg(trend))) for trend in report.trends],
        sections=[(anchor, title) for anchor, title, there in _sections(report) if there],
        gate_parts=[
            (broken, [g for g in report.gates if (g.state == "not met") == broken]) for broken in (True, False)
        ],
        grouped=[figure for figure in report.figures if figure.groups],
        most_flips=MOST_FLIPS,
    )


def sweep_as_html(sweep: Sweep) -> str:
    """A sweep's file."""
    return _rendered("sweep.html.jinja", sweep=sweep, best=sweep.recommended, plot=Markup(pareto_svg(sweep)))


def _rendered(template: str, **values: Any) -> str:
    environment = Environment(
        loader=PackageLoader("ragstone.eval", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "number": number,
        "signed": signed,
        "between": _between,
        "between_signed": _between_signed,
        "p": p_value,
        "moment": _moment,
        "plain": _plain,
        "shorten": shorten,
    }
    assert environment.loader is not None
    css = environment.loader.get_source(environment, "report.css")[0]
    style_hash = f"sha256-{base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()}"
    return environment.get_template(template).render(
        css=Markup(css), style_hash=style_hash, **values
    )  # the CSS is ours


def _between(of: Estimate) -> str:
    return of.between(number)


def _between_signed(of: Estimate) -> str:
    return of.between(signed)


def _drawn(report: Report) -> list[Change]:
    """The changes of the chart: those beyond noise, then those that perhaps are, then those of the gates."""
    gated = {(gate.unit, gate.metric) for gate in report.gates}
    still = [change for change in report.changes if change.weight == "noise"]
    still.sort(key=lambda change: (change.unit, change.metric) not in gated)
    drawn = [*report.moved("beyond noise"), *report.moved("perhaps noise"), *still]
    return [change for change in drawn if change.difference.mean is not None][:MOST_DIFFERENCES]


def _sections(report: Report) -> list[tuple[str, str, Any]]:
    return [
        ("changed", "What changed", True),
        ("gates", "Gates", report.gates),
        ("not-run", "Not run", report.not_run or report.put_off),
        ("trends", "Trends", report.trends),
        ("figures", "All figures", True),
        ("flips", "New failures, fixed", report.new_failures or report.fixed),
        ("worst", "The worst answers", report.worst),
        ("worst-others", "The worst of the rest", report.worst_others),
        ("feedback", "What users said", report.feedback),
        ("use", "Real use", report.use),
        ("cost", "Time and cost", True),
        ("environment", "Environment", True),
    ]


def _moment(text: str) -> str:
    """A time as people read it; what is none stays as it is."""
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M %Z").strip()
    except (TypeError, ValueError):
        return str(text)


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
