"""`ragstone eval`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import eval_grounding, eval_retrieval
from .common import emit_json, json_option, table

if TYPE_CHECKING:
    from ...eval.suites import Suite

_UNITS = {"retrieval": "queries", "grounding": "answers"}


@click.group("eval")
def evaluate() -> None:
    """Measure quality on published data, or on your own."""


@evaluate.command("list")
@json_option
def list_suites(as_json: bool) -> int:
    """List the suites and their sets of data."""
    from ...eval.suites.grounding import GROUNDING
    from ...eval.suites.retrieval import RETRIEVAL

    suites: tuple[Suite[Any], ...] = (RETRIEVAL, GROUNDING)
    if as_json:
        emit_json({"suites": [_suite_json(suite) for suite in suites]})
        return 0
    for suite in suites:
        unit = _UNITS[suite.name]
        click.secho(suite.name, bold=True, nl=False)
        click.echo(f"  {suite.items:,} {unit}; {', '.join(suite.metrics)}")
        rows = [(f"  {one.name}", f"{one.items:,}", one.licence, one.folder) for one in suite.sets]
        table(("  set", unit, "licence", "folder"), rows)
    return 0


def _suite_json(suite: Suite[Any]) -> dict[str, Any]:
    names = ("name", "folder", "items", "licence", "citation")
    return {
        "name": suite.name,
        "metrics": list(suite.metrics),
        "licence": suite.licence,
        "items": suite.items,
        "sets": [{name: getattr(one, name) for name in names} for one in suite.sets],
    }


@evaluate.group()
def run() -> None:
    """Run a suite."""


run.add_command(eval_retrieval.retrieval)
run.add_command(eval_grounding.grounding)
