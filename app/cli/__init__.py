"""The command line: `ragstone` and `ingest`.

Results go to stdout; progress, warnings and errors go to stderr. Exit codes: 0 done, 1 the job failed, 2 bad usage, 3
part of the input failed, 4 a gate was not met, 130 interrupted.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from typing import Any

import click

from ...errors import RagstoneError, SettingsError
from . import ask, docs, doctor, eval, ingest, models, monitor, nightly, prompts, reindex, search, ui

_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group()
@click.version_option(package_name="ragstone", prog_name="ragstone")
def cli() -> None:
    """Answers questions over your own documents, on your own machine."""


for _command in (
    *(ingest.ingest, reindex.reindex, search.search, ask.ask, ask.chat, ui.ui),
    *(docs.status, docs.docs, models.models, prompts.prompts, doctor.doctor),
    *(eval.evaluate, nightly.nightly, monitor.monitor),
):
    cli.add_command(_command)


_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def main() -> None:
    """Run `ragstone`."""
    _run(cli, "ragstone")


def ingest_main() -> None:
    """Run `ingest`, which is `ragstone ingest`."""
    _run(ingest.ingest, "ingest")


def _run(command: click.Command, name: str) -> None:
    # What other packages log about a bad file is in our own report already, in words.
    logging.basicConfig(level=logging.CRITICAL, format="%(message)s", stream=sys.stderr)
    logging.getLogger("ragstone").setLevel(logging.WARNING)
    try:
        code = command.main(prog_name=name, standalone_mode=False, **_CONTEXT)
    except RagstoneError as error:
        click.secho(f"Error: {error}", fg="red", err=True)
        code = 2 if isinstance(error, SettingsError) else 1
    except click.ClickException as error:
        error.show()
        code = 2
    except OSError as error:
        if error.errno not in _UNWRITABLE or error.filename is not None:
            raise
        click.secho(f"Error: the output cannot be written ({error.strerror}).", fg="red", err=True)
        os._exit(1)  # what is left in the buffer would be tried once more at exit, and complained of
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. What was stored stays; the next run goes on from there.", err=True)
        code = 130
    sys.exit(code if isinstance(code, int) else 0)
