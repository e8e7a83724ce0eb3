"""What the commands of `ragstone eval run` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import EvaluationError
from .common import F

if TYPE_CHECKING:
    from ...eval.suites import Data, DataSet, Suite


OWN = ("own", "parity")
"""Suites that ask a user's own questions."""
RUNS = Path("ragstone-runs")
"""Where runs are kept by default."""


def data_options(layout: str, split: str) -> Callable[[F], F]:
    """`--data FOLDER`, `--set NAME` and `--split NAME`.

    Args:
        layout: That of a folder without `--set`, as in "A folder in ...".
        split: What `--split` says.
    """

    def add(command: F) -> F:
        command = click.option("--split", help=split)(command)
        command = click.option("--set", "sets", multiple=True, metavar="NAME", help=_SETS)(command)
        folder = click.Path(path_type=Path, exists=True, file_okay=False)
        data = f"A folder in {layout}; with --set the folder of all sets, or that set's own. [$RAGSTONE_BENCH_DATA]"
        return click.option("--data", envvar="RAGSTONE_BENCH_DATA", required=True, type=folder, help=data)(command)

    return add


_SETS = "A set of `ragstone eval list`, or `all`."


def drawing_options(command: F) -> F:
    """`--seed N` and `--out FILE`."""
    command = click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the draws.")(
        command
    )
    return click.option(
        "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the values of every item here, as JSON."
    )(command)


def chosen(suite: Suite[Data], names: Sequence[str]) -> list[DataSet[Data]]:
    """The sets of a suite that `--set` names."""
    known = {one.name: one for one in suite.sets}
    wanted = list(known) if "all" in names else list(dict.fromkeys(names))
    if unknown := [name for name in wanted if name not in known]:
        raise click.BadParameter(f"{unknown[0]!r} is not one of {', '.join(known)}.", param_hint="--set")
    return [known[name] for name in wanted]


def make_folders(*folders: Path | None) -> None:
    """Before the work begins: a result that cannot be written would be lost."""
    for folder in filter(None, folders):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.UsageError(f"The folder {folder} cannot be made ({error.strerror}).") from error


def make_room(out: Path | None) -> None:
    """As `make_folders`, for a file; what it holds stays."""
    if out is None:
        return
    make_folders(out.parent)
    try:
        is_there = out.exists()
        out.open("ab").close()
        if not is_there:
            out.unlink()
    except OSError as error:
        raise click.UsageError(f"The file {out} cannot be written ({error.strerror}).") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say what became of results that cannot be written.

    Raises:
        EvaluationError: They cannot be.
    """
    try:
        yield
    except OSError as error:
        remedy = "Free disk space, or name another place"
        raise EvaluationError(f"the results cannot be written ({error.strerror})", path=path, remedy=remedy) from error


def suites_of(
    suites: Sequence[str], questions: Path | None, *, resume: bool, out: Path | None, what: str
) -> tuple[list[str], list[str]]:
    """The suites that were named and ask the user's own questions, and the others, if they can be run with these
    options.

    Args:
        suites: As they were named.
        questions: `--questions`.
        resume: `--resume`.
        out: `--out`.
        what: What is resumed.
    """
    own = [name for name in suites if name in OWN]
    if resume and out is None:
        raise click.UsageError(f"--resume needs the --out of the {what}.")
    if not suites and questions is None:
        raise click.UsageError("Name a suite of `ragstone eval list`, or give your own --questions.")
    if own and questions is None:
        raise click.UsageError(f"{own[0]} asks your own --questions about your own --library.")
    return own, [name for name in suites if name not in OWN]


def run_json(suite: str, seed: int, sets: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A run of a suite as `--json` and `--out` have it."""
    from importlib.metadata import version

    return {"suite": suite, "ragstone": version("ragstone"), "seed": seed, "sets": list(sets)}


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """What is being done, and the remaining time; silent where stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("")

        def tell(step: str, done: int, total: int) -> None:
            bar.update(task, description=step, completed=done, total=total)

        yield tell
