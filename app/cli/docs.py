"""`ragstone status` and `ragstone docs`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import SourceError
from ...eval.report.wording import counted
from ...retrieval.filters import as_filter
from .common import emit_json, filter_options, json_option, library_option, open_engine, place, show_no_document

if TYPE_CHECKING:
    from ...retrieval.index import IndexState
    from ...retrieval.records import Document
    from ..engine import Ragstone

_MOST_NAMED = 5
"""Documents that a message gives the names of."""


@click.command()
@library_option
@json_option
def status(library: Path | None, as_json: bool) -> int:
    """Show what the library holds."""
    from ...retrieval.disk import bytes_below
    from ...retrieval.index import Index

    with open_engine(library) as rag:
        documents, chunks = rag.library.counts()
        collections = rag.library.collections()
        embedder = rag.library.embedder
        index = Index.load(rag.library, rag.settings.index_memory_mb)
        state, folder = index.state, rag.library.named
        size = bytes_below(rag.library.folder)
    report = {
        "library": str(folder),
        "documents": documents,
        "collections": collections,
        "chunks": chunks,
        "vectors": len(index),
        "embedder": None if embedder is None else dataclasses.asdict(embedder),
        "index": dataclasses.asdict(state) | {"revision": index.revision},
        "bytes": size,
    }
    if as_json:
        emit_json(report)
        return 0
    model = "none yet" if embedder is None else f"{embedder.name}, {embedder.dimension} dimensions ({embedder.runtime})"
    click.echo(f"Library    {folder}\nDocuments  {documents}\nChunks     {chunks}\nVectors    {len(index)}")
    click.echo(f"Embedding  {model}\nIndex      {_told(state)}\nSize       {size / 1e6:.1f} MB")
    return 0


def _told(index: IndexState) -> str:
    kind = f"{index.kind}, {'approximate' if index.approximate else 'exact'}"
    if not index.generation:
        return f"{kind}, in memory: {counted(index.news, 'chunk')}"
    stored = f"generation {index.generation} of {counted(index.rows, 'chunk')}, {index.bytes / 1e6:.1f} MB"
    return f"{kind}; {stored}; {index.news} came since, {index.tombstones} were removed"


@click.group()
def docs() -> None:
    """List, show, tag and remove documents."""


@docs.command("list")
@filter_options
@library_option
@json_option
def list_documents(conditions: tuple[str, ...], collection: str | None, library: Path | None, as_json: bool) -> int:
    """List the documents."""
    with open_engine(library) as rag:
        documents = rag.documents(collection, conditions)
        if not documents and (where := as_filter(conditions, collection)) is not None:
            show_no_document(rag.library, where)
    if as_json:
        emit_json({"documents": [dataclasses.asdict(document) for document in documents]})
        return 0
    for document in documents:
        pages = f", {counted(document.pages, 'page')}" if document.pages else ""
        flagged = f", {_places(document)} to the assistant" if document.instructions else ""
        tags = f"  {', '.join(f'#{tag}' for tag in document.tags)}" if document.tags else ""
        click.echo(f"{document.id:>5}  {document.path}  ({counted(document.chunks, 'chunk')}{pages}{flagged}){tags}")
    return 0


@docs.command()
@library_option
@json_option
def duplicates(library: Path | None, as_json: bool) -> int:
    """List the groups of documents that are nearly the same."""
    from ...ingest.likeness import near_duplicates

    with open_engine(library) as rag:
        paths = {document.id: document.path for document in rag.documents()}
        signatures = {document: signature for document, (_, signature) in rag.library.signatures().items()}
    groups = near_duplicates({document: signatures[document] for document in paths.keys() & signatures.keys()})
    if as_json:
        told = [[{**dataclasses.asdict(one), "path": paths[one.id]} for one in group] for group in groups]
        emit_json({"groups": told})
        return 0
    for group in groups:
        click.secho(f"{len(group)} documents", bold=True)
        for number, one in enumerate(group):
            click.echo(f"{one.id:>5}  {paths[one.id]}{f'  ({one.similarity:.0%} like the first)' if number else ''}")
    click.echo("`ragstone docs remove ID` removes one." if groups else "No two documents are nearly the same.")
    return 0


@docs.command()
@click.argument("document")
@click.option("--text", is_flag=True, help="Show the whole text instead of the chunks.")
@library_option
@json_option
def show(document: str, text: bool, library: Path | None, as_json: bool) -> int:
    """Show one document, by its path or id."""
    with open_engine(library) as rag:
        found = _one(_find(rag, document), document)
        chunks = rag.library.chunks_of(found.id)
        whole = rag.library.text(found.id)
    if as_json:
        body = {"text": whole} if text else {"chunks": [dataclasses.asdict(chunk) for chunk in chunks]}
        emit_json(dataclasses.asdict(found) | body)
        return 0
    if text:
        click.echo(whole)
        return 0
    for name, value in _described(found):
        click.echo(f"{name:12} {value}")
    if found.instructions:
        click.secho(f"\n{_places(found)} to the assistant (see docs/safety.md):", fg="yellow")
    for i in found.instructions:
        click.secho(f"{i.char_start}-{i.char_end} ({i.score:.2f}): {whole[i.char_start : i.char_end]}", fg="yellow")
    for chunk in chunks:
        click.secho(f"\n{place(f'chunk {chunk.id}', chunk.page)}  {chunk.heading}  ({chunk.tokens} tokens)", bold=True)
        click.echo(chunk.passage)
    return 0


@docs.command()
@click.argument("documents", nargs=-1, required=True)
@library_option
@json_option
def remove(documents: tuple[str, ...], library: Path | None, as_json: bool) -> int:
    """Remove documents, by path, folder or id. The files themselves stay."""
    with open_engine(library) as rag:
        known = rag.documents()
        found = {document.id: document for name in documents for document in _find(rag, name, known)}
        rag.remove(*found)
    if as_json:
        emit_json({"removed": [document.path for document in found.values()]})
        return 0
    for document in found.values():
        click.echo(f"Removed {document.path}")
    return 0


@docs.command()
@click.argument("name", metavar="TAG")
@click.argument("documents", nargs=-1, required=True)
@library_option
@json_option
def tag(name: str, documents: tuple[str, ...], library: Path | None, as_json: bool) -> int:
    """Give documents a tag, by path, folder or id.

    A tag can be filtered by, as in `--filter tag=TAG`. It stays when the file is read again or moves.
    """
    return _retag(name, documents, library, as_json, add=True)


@docs.command()
@click.argument("name", metavar="TAG")
@click.argument("documents", nargs=-1, required=True)
@library_option
@json_option
def untag(name: str, documents: tuple[str, ...], library: Path | None, as_json: bool) -> int:
    """Take a tag from documents, by path, folder or id."""
    return _retag(name, documents, library, as_json, add=False)


def _retag(name: str, documents: tuple[str, ...], library: Path | None, as_json: bool, *, add: bool) -> int:
    from ...retrieval import tags

    with open_engine(library) as rag:
        known = rag.documents()
        ids = list(dict.fromkeys(document.id for given in documents for document in _find(rag, given, known)))
        (tags.tag if add else tags.untag)(rag.library, ids, name)
        found = [document for i in ids if (document := rag.library.document(i))]
    if as_json:
        emit_json({"documents": [{"id": d.id, "path": d.path, "tags": d.tags} for d in found]})
        return 0
    for document in found:
        click.echo(f"{document.path}  {', '.join(f'#{tag}' for tag in document.tags) or 'no tags'}")
    return 0


def _described(document: Document) -> Iterator[tuple[str, str]]:
    """What is known of a document, without what is empty."""
    told = {
        "Id": str(document.id),
        "Path": document.path,
        "Title": document.title,
        "Type": document.media_type,
        "Collection": document.collection,
        "Tags": ", ".join(f"#{tag}" for tag in document.tags),
        **{name.replace("_", " ").capitalize(): value for name, value in document.metadata.items()},
        "Pages": f"{document.pages:,}" if document.pages else "",
        "Without text": ", ".join(f"page {number}" for number in document.empty_pages),
        "Chunks": f"{document.chunks:,}",
        "Size": counted(document.size, "byte"),
        "Changed": _minute(datetime.fromtimestamp(document.mtime_ns / 1e9, UTC)),
        "Read": _minute(datetime.fromisoformat(document.added_at)),
        "SHA-256": document.sha256,
    }
    return ((name, " ".join(value.split())) for name, value in told.items() if value.strip())


def _minute(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _places(document: Document) -> str:
    places = len(document.instructions)
    return f"{places} places speak" if places > 1 else "1 place speaks"


def _one(found: Sequence[Document], name: str) -> Document:
    """The only document among those of a name, or the one whose parts the others are: a mail with attachments."""
    first, *others = found
    if not all(other.path.startswith(f"{first.path}/") for other in others):
        named = [f"{document.id} {document.path}" for document in found[:_MOST_NAMED]]
        more = f" and {len(found) - _MOST_NAMED:,} more" if len(found) > _MOST_NAMED else ""
        what = f"these are {len(found):,} documents: {', '.join(named)}{more}"
        raise SourceError(what, path=name, remedy="Give the path or the id of one of them")
    return first


def _texts(rag: Ragstone, documents: Sequence[Document]) -> list[Document]:
    """Those that are texts and no files: nothing lies below these, whatever their names look like."""
    places = ((document, rag.library.source_of(document.id)) for document in documents)
    return [document for document, place in places if place is not None and not Path(place[0]).is_absolute()]


def _find(rag: Ragstone, name: str, known: list[Document] | None = None) -> list[Document]:
    """The documents with this id or path, or below this folder; of those known, where they are loaded already."""
    if not name.strip():  # an empty variable of a shell; as a path it would be the current folder
        raise click.BadParameter("the name of a document is empty. Give its path or id; see `ragstone docs list`.")
    documents = rag.documents() if known is None else known
    below = name.rstrip("/") + "/"
    absolute = os.path.abspath(name)  # noqa: PTH100 - see ingest.sources
    # The same relative path can have been given in several folders: this one goes first.
    found: list[Document] = []
    with suppress(
        UnicodeEncodeError
    ):  # a path that is not UTF-8 is that of no document; the current folder's can be so
        found = rag.library.documents_at(absolute)
    found = found or _texts(rag, [d for d in documents if d.path == name])
    found = found or [d for d in documents if d.path == name or d.path.startswith(below)]
    found = found or [d for d in documents if str(d.id) == name]
    if not found:
        alike = next((d.path for d in documents if d.path.endswith(f"/{name.strip('/')}")), None)
        remedy = f"Did you mean {alike}? See `ragstone docs list`" if alike else "See `ragstone docs list`"
        raise SourceError("the library holds no such document", path=name, remedy=remedy)
    return found
