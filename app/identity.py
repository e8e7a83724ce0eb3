"""What outputs depend on, as hashes: the code, the weights, the settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import Any

from ..generation.models import ModelStore
from ..retrieval.library import Library
from .settings import DEFAULT_EMBEDDING_MODEL, Settings

_ROOT = Path(__file__).resolve().parents[1]
_SPEAKS = ("errors.py", "ingest", "retrieval", "generation")
"""What an answer is made by."""
INDIFFERENT = frozenset(
    {
        *("library", "models_dir", "offline", "jobs", "parse_seconds", "parse_memory_mb", "max_file_mb", "duplicates"),
        *("index_memory_mb", "prefix_cache_mb", "threads", "parallel", "answer_seconds", "server_timeout"),
        "models_memory_mb",
        *("monitor", "monitor_days"),
    }
)
"""Settings that no answer depends on."""


@cache
def code_sha256() -> str:
    """Of all that makes answers: the modules of this package, its prompts and its weights."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for name in _SPEAKS:
        path = _ROOT / name
        found = [path] if path.is_file() else path.rglob("*")
        yield from sorted(one for one in found if one.is_file() and one.suffix not in (".pyc", ".md"))


def model_identity(settings: Settings) -> dict[str, Any]:
    """The chat model: its name, and the SHA-256 of its weights where they are on this machine.

    Raises:
        ModelNotFoundError: It is not on this machine.
    """
    if settings.server:
        return {"name": settings.model, "server": settings.server}
    store = ModelStore(settings.models_dir, settings.offline)
    path = store.path(settings.model)
    known = store.catalogue.get(settings.model)
    sha256 = known.files[0].sha256 if known else _file_sha256(path, path.stat().st_mtime_ns)
    return {"name": settings.model, "sha256": sha256}


def engine_identity(settings: Settings) -> dict[str, Any]:
    """All that the engine's answers depend on besides the documents.

    Raises:
        ModelNotFoundError: The chat model is not on this machine.
    """
    told = {f.name: getattr(settings, f.name) for f in fields(Settings) if f.name not in INDIFFERENT}
    told["embedding_model"] = settings.embedding_model or DEFAULT_EMBEDDING_MODEL
    return {"kind": "engine", "model": model_identity(settings), "settings": told, "code": code_sha256()}


def library_identity(library: Library) -> dict[str, Any]:
    """What a library holds: another fingerprint means other documents, other chunks or another embedding model."""
    documents, chunks = library.counts()
    embedder = library.embedder
    vectors = None if embedder is None else {**asdict(embedder), "source": "", "runtime": ""}
    told = [(one.path, one.sha256, one.chunks) for one in library.documents()]
    fingerprint = hashlib.sha256(json.dumps([told, vectors], sort_keys=True).encode("utf-8", "replace")).hexdigest()
    name = None if embedder is None else embedder.name
    return {"documents": documents, "chunks": chunks, "embedder": name, "fingerprint": fingerprint}


@cache
def _file_sha256(path: Path, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
