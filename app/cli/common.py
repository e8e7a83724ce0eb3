"""What the commands share: options, opening the engine, JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ...generation.messages import NO_DOCUMENT
from ...retrieval.filters import Filter

if TYPE_CHECKING:
    from ...retrieval.library import Library
    from ...retrieval.records import Dropped, Hit
    from ..engine import Ragstone

F = TypeVar("F", bound=Callable[..., Any])


class Number(click.FloatRange):
    """A number of a range; click takes nan for one of every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number that was written."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


class GivenPath(click.Path):
    """A path that is not empty: an unset variable of a shell must not become the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        if value == "":
            self.fail("the path is empty. Name it, or write . for the current folder.", param, ctx)
        return super().convert(value, param, ctx)


def library_option(command: F) -> F:
    """`--library DIR`."""
    return click.option(
        "--library",
        type=GivenPath(path_type=Path),
        help="The library's folder. [default: $RAGSTONE_LIBRARY or .ragstone]",
    )(command)


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")(command)


def filter_options(command: F) -> F:
    """`--filter KEY=VALUE` and `--collection NAME`."""
    command = click.option(
        "--filter",
        "conditions",
        metavar="KEY=VALUE",
        multiple=True,
        help="Only documents that meet this, such as type=pdf, author=Jane or date>=2024-01. Can be given again.",
    )(command)
    return click.option("--collection", metavar="NAME", help="Only documents of this collection.")(command)


def open_engine(library: Path | None, *, create: bool = False, **flags: Any) -> Ragstone:
    """Open the engine with the settings that were given as flags."""
    from ..engine import Ragstone
    from ..settings import Settings

    return Ragstone.open(library, create=create, settings=Settings.load({"library": library} | flags))


def show_no_document(library: Library, where: Filter) -> None:
    """Say that no document matches, and which collections and types there are where it is these that none matches."""
    click.echo(NO_DOCUMENT, err=True)
    show_choices(library, where)


def show_choices(library: Library, where: Filter) -> None:
    """The collections or types that there are, for a condition on these that no document meets."""
    for condition in where.conditions:
        if condition.key not in ("collection", "type") or len(library.document_ids(Filter((condition,)))):
            continue
        if condition.key == "collection":
            names = [name for name in library.collections() if name]
        else:
            suffixes = (Path(document.path).suffix.lower().removeprefix(".") for document in library.documents())
            names = [name for name, _ in Counter(filter(None, suffixes)).most_common()]
        told = f"There are the {condition.key}s {', '.join(names)}." if len(names) > 1 else ""
        told = told or f"There is {f'only the {condition.key} {names[0]}' if names else f'no {condition.key}'}."
        click.echo(told, err=True)


def emit_json(document: object) -> None:
    """Write a JSON document to stdout."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    click.echo(text.encode("utf-8", "replace"))  # a path or query from the shell can hold bytes that are no text


def how_scored(hit: Hit) -> str:
    """A hit's score, and its rank and score in each method."""
    by = {"dense": ("cosine", hit.similarity), "lexical": ("BM25", hit.bm25)}
    parts = []
    for method, (name, score) in by.items():
        if score is not None:
            parts.append(f"{method} {hit.ranks.get(method, '-')}, {name} {score:.2f}")
    parts += [f"{name} {hit.ranks[name]}" for name in ("also", "fused", "rerank") if name in hit.ranks]
    kind = "score" if hit.probability is None or hit.score != hit.probability else "probability"
    return f"{kind} {hit.score:.3f} ({'; '.join(parts)})"


DROPPED_SHOWN = 10


def show_dropped(dropped: Sequence[Dropped]) -> None:
    """The candidates that came nearest to being hits, and why they are not."""
    if not dropped:
        return
    click.secho("\nDropped", bold=True)
    for one in dropped[:DROPPED_SHOWN]:
        chunk = one.hit.chunk
        where = f"{place(chunk.document, chunk.page)}, chunk {chunk.id}"
        click.echo(f"{one.hit.rank:4}. {where}  {how_scored(one.hit)}: {one.reason}")
    if len(dropped) > DROPPED_SHOWN:
        click.echo(f"      and {len(dropped) - DROPPED_SHOWN} more; --json has them all")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for line in (head, *rows):
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def place(document: str, page: int | None) -> str:
    """A document and page as people read it."""
    return document if page is None else f"{document}, page {page}"
