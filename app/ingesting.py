"""What an ingest needs to know, from the settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psutil

from ..ingest.chunking import ChunkPlan
from ..ingest.isolation import Limits
from ..ingest.options import IngestOptions
from ..ingest.selection import Selection
from .given import require_name, several_texts
from .settings import DEFAULT_EMBEDDING_MODEL, Settings


def ingest_options(
    settings: Settings,
    collection: str | None = None,
    include: str | Iterable[str] = (),
    exclude: str | Iterable[str] = (),
    passwords: str | Iterable[str] = (),
    embedding_model: str = "",
) -> IngestOptions:
    """The options of an ingest, by default with the setting's embedding model; see `app.engine.Ragstone.ingest`.

    Raises:
        SettingsError: A pattern, a password or the collection's name cannot be used.
    """
    require_name(collection)
    s: Any = settings  # its choices are plain strings, checked by Settings
    return IngestOptions(
        plan=chunk_plan(settings),
        limits=Limits(
            jobs=s.jobs or _jobs(),
            seconds=s.parse_seconds,
            memory_mb=s.parse_memory_mb,
            ocr=s.ocr,
            passwords=several_texts("passwords", passwords),
            signatures=s.duplicates != "keep",
        ),
        selection=Selection(several_texts("include", include), several_texts("exclude", exclude), s.max_file_mb << 20),
        duplicates=s.duplicates,
        collection=collection,
        index_memory_mb=s.index_memory_mb,
        instructions=s.instructions != "off",
        embedding_model=embedding_model or s.embedding_model or DEFAULT_EMBEDDING_MODEL,
    )


def chunk_plan(settings: Settings) -> ChunkPlan:
    """How documents are cut."""
    s: Any = settings
    return ChunkPlan(s.chunker, s.chunk_tokens, s.chunk_overlap, s.chunk_prefix)


def _jobs() -> int:
    # Embedding keeps the cores busy; parsing only has to stay ahead of it.
    return max(1, min(4, (psutil.cpu_count(logical=False) or 1) // 2))
