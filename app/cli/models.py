"""`ragstone models`"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .bench import bench
from .common import emit_json, json_option

if TYPE_CHECKING:
    from ...generation.models import ModelStore


@click.group()
def models() -> None:
    """List, download, find and compare models."""


models.add_command(bench)


@models.command("list")
@json_option
def list_models(as_json: bool) -> int:
    """List the catalogue, and what is on this machine."""
    from ...generation.models import load_catalogue

    store = _store()
    rows = [
        {
            "name": name,
            "kind": model.kind,
            "title": model.title,
            "licence": model.licence,
            "context": model.context,
            "bytes": model.bytes,
            "default": model.default,
            "present": store.is_present(name),
        }
        for name, model in load_catalogue().items()
    ]
    if as_json:
        emit_json({"models": rows})
        return 0
    for row in rows:
        mark = "present" if row["present"] else ""
        default = f"default {row['kind']}" if row["default"] else str(row["kind"])
        size = f"{int(str(row['bytes'])) / 1e6:,.0f} MB"
        click.echo(f"{row['name']:22} {default:18} {size:>9}  {row['licence']:11} {mark:8} {row['title']}")
    return 0


@models.command()
@click.argument("name")
def pull(name: str) -> int:
    """Download a model and check its bytes; an interrupted download goes on where it stopped."""
    from .progress import download_progress

    store = _store()
    with download_progress(name) as on_progress:
        path = store.pull(name, on_progress)
    click.echo(path)
    return 0


@models.command()
@click.argument("name")
def path(name: str) -> int:
    """Print where a model is."""
    click.echo(_store().path(name))
    return 0


@models.command()
@click.argument("name")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--to", "layout", type=click.Choice(["q4_0", "q8_0", "q4_k_m"]), default="q4_0", show_default=True)
def requantize(name: str, target: Path, layout: str) -> int:
    """Write a chat model's weights in another layout, as the file TARGET.

    Some processors read some layouts faster. What was rounded is rounded again: compare the two with `ragstone models
    bench --perplexity` before you use it.
    """
    from ...generation.llama import physical_cores
    from ...generation.llama.requantize import requantize

    source = _store().path(name)
    click.echo(requantize(source, target, layout, physical_cores()))  # type: ignore[arg-type]  # one of the choices
    return 0


@models.command()
@click.argument("name", required=False)
@click.option("--remove", is_flag=True, help="Delete what an earlier call made, and go back to the weights as pulled.")
@json_option
def tune(name: str | None, remove: bool, as_json: bool) -> int:
    """Write a chat model in the layout that this processor may read faster, and use it if it is.

    The weights are written once more in 8 bits, which keeps what they hold, and takes more of the disk and of memory.
    Both are measured in turns; the new file stays, and answers from now on, if it reads prompts at least 1.1 times as
    fast and writes no slower. NAME is a model of the catalogue, by default that of the settings.
    """
    from ..settings import Settings
    from ..tuning import tune, untune

    settings = Settings.load({"model": name})
    if remove:
        removed = untune(settings)
        if as_json:
            emit_json({"model": settings.model, "removed": removed})
        else:
            click.echo(f"{settings.model}: {'removed' if removed else 'there was nothing to remove'}")
        return 0
    tuned = tune(settings, lambda step: click.echo(step, err=True))
    layout = tuned.layout
    if as_json:
        emit_json({"model": settings.model, "used": tuned.used, **asdict(layout)})
        return 0
    kept = f"it answers from now on ({layout.bytes / 1e6:,.0f} MB)" if tuned.used else "the weights stay as they were"
    click.echo(
        f"{settings.model} as {layout.name} reads prompts {layout.prefill:.2f} times as fast and writes "
        f"{layout.decode:.2f} times as fast: {kept}"
    )
    return 0


def _store() -> ModelStore:
    from ...generation.models import ModelStore
    from ..settings import Settings

    settings = Settings.load()
    return ModelStore(settings.models_dir, settings.offline)
