"""`ragstone eval`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import eval_grounding, eval_make_questions, eval_pull, eval_report, eval_retrieval, eval_run, eval_sweep
from .common import emit_json, json_option, table

if TYPE_CHECKING:
    from ...eval.suites import Suite


@click.group("eval")
def evaluate() -> None:
    """Measure quality on published data, or on your own."""


@evaluate.command("list")
@json_option
def list_suites(as_json: bool) -> int:
    """List the suites and their sets of data."""
    from ...eval.suites.registry import SUITES

    if as_json:
        emit_json({"suites": [_suite_json(suite) for suite in SUITES.values()]})
        return 0
    for suite in SUITES.values():
        click.secho(suite.name, bold=True, nl=False)
        click.echo(f"  {suite.about}")
        click.echo(f"  {suite.items:,} {suite.unit}; {', '.join(suite.metrics)}")
        rows = [(f"  {one.name}", f"{one.items:,}", one.licence, one.folder) for one in suite.sets]
        table(("  set", suite.unit, "licence", "folder"), rows)
    return 0


def _suite_json(suite: Suite[Any]) -> dict[str, Any]:
    names = ("name", "folder", "items", "licence", "citation")
    return {
        "name": suite.name,
        "about": suite.about,
        "metrics": list(suite.metrics),
        "licence": suite.licence,
        "items": suite.items,
        "sets": [{name: getattr(one, name) for name in names} for one in suite.sets],
    }


class _Run(click.Command):
    """`ragstone eval run`: one suite that compares what is evaluated has a command of its own."""

    _ALONE = {"retrieval": eval_retrieval.retrieval, "grounding": eval_grounding.grounding}  # noqa: RUF012

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of the command that is meant."""
        alone = args and args[0] in self._ALONE and (len(args) == 1 or args[1].startswith("-"))
        if alone and not {"--resume", "--judge", "--model", "--subject"} & {arg.split("=")[0] for arg in args}:
            command = self._ALONE[args[0]]
            return command.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


evaluate.add_command(eval_pull.pull)
evaluate.add_command(_Run("run", callback=eval_run.run.callback, params=eval_run.run.params, help=eval_run.run.help))
evaluate.add_command(eval_run.compare)
evaluate.add_command(eval_sweep.sweep)
evaluate.add_command(eval_report.report)
evaluate.add_command(eval_report.gate)
evaluate.add_command(eval_make_questions.make_questions)
evaluate.add_command(eval_make_questions.feedback_questions)
