"""`ragstone prompts`"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from .common import emit_json, json_option

if TYPE_CHECKING:
    from ...generation.prompts import Prompts


@click.group()
def prompts() -> None:
    """Show what models are asked with, and where it comes from."""


@prompts.command("list")
@json_option
def list_prompts(as_json: bool) -> int:
    """List the prompts in use."""
    from ...generation.prompts import NAMES

    loaded = _prompts()
    found = [loaded.get(name) for name in NAMES]
    if as_json:
        rows = [dataclasses.asdict(prompt.identity) | {"path": prompt.path} for prompt in found]
        emit_json({"prompts": rows})
        return 0
    for prompt in found:
        one = prompt.identity
        click.echo(f"{one.name:18} version {one.version:6} {one.sha256[:12]}  {prompt.path}")
    return 0


@prompts.command()
@click.argument("name")
@click.option("--builtin", is_flag=True, help="Ours, even where prompts_dir has another.")
def show(name: str, builtin: bool) -> int:
    """Print the file of a prompt, to change in a folder of your own."""
    click.echo(_prompts(builtin).get(name).source.rstrip())
    return 0


def _prompts(builtin: bool = False) -> Prompts:
    from ...generation.prompts import Prompts
    from ..model_settings import as_prompts
    from ..settings import Settings

    return Prompts() if builtin else as_prompts(Settings.load())
