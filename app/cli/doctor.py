"""`ragstone doctor`"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from .common import emit_json, json_option, library_option

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command()
@click.option("--no-load", is_flag=True, help="Do not load the chat model to see where its layers are.")
@library_option
@json_option
def doctor(no_load: bool, library: Path | None, as_json: bool) -> int:
    """Look for problems with the installation, the models and the library, and say what to do.

    Exits with 1 if there is a problem; warnings do not count.
    """
    from ..doctor import examine

    checks = examine(library, load=not no_load)
    counts = Counter(check.status for check in checks)
    if as_json:
        emit_json({"checks": [asdict(check) for check in checks]})
        return 1 if counts["problem"] else 0
    width = max(len(check.name) for check in checks)
    for check in checks:
        click.secho(f"{check.status:8}", fg=_COLOURS[check.status], nl=False)
        click.echo(f" {check.name:{width}}  {check.found}")
        if check.remedy:
            click.secho(f"{'':{width + 9}}  → {check.remedy}.", bold=True)
    click.echo(f"Problems: {counts['problem']}, warnings: {counts['warning']}.")
    return 1 if counts["problem"] else 0
