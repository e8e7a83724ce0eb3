"""`ragstone eval pull SET OWNER/NAME`"""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("name", metavar="SET")
@click.argument("repo", metavar="OWNER/NAME")
@click.option(
    "--data",
    envvar="RAGSTONE_BENCH_DATA",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of sets. [$RAGSTONE_BENCH_DATA]",
)
@click.option("--below", default="", metavar="FOLDER", help="The folder of the repository that holds the set.")
@click.option("--revision", help="A branch, tag or commit.  [default: the newest]")
def pull(name: str, repo: str, data: Path, below: str, revision: str | None) -> int:
    """Bring a set of data from the hub into the folder of sets.

    SET is one of `ragstone eval list`, OWNER/NAME a repository of data on the hub with the files as they were
    published. They are read once: what is something else is not kept. An interrupted download goes on where it stopped.
    """
    from ..evaluation_data import pull_set
    from ..settings import Settings
    from .progress import download_progress

    offline = Settings.load().offline
    with download_progress(name) as progress:
        place = pull_set(name, repo, data, below=below, revision=revision, offline=offline, progress=progress)
    click.echo(place)
    return 0
