"""What outputs depend on, as hashes: the code, the weights, the settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import ModelNotFoundError
from ..eval.cache import content_key
from ..generation.models import ModelStore
from ..ingest.options import with_model
from ..retrieval.disk import sha256_of
from ..retrieval.library import Library
from .model_settings import as_adapters, as_asking
from .settings import DEFAULT_EMBEDDING_MODEL, Settings
from .tuning import chat_model_file

_ROOT = Path(__file__).resolve().parents[1]
_SPEAKS = (
    *("errors.py", "ingest", "retrieval", "generation"),
    *("app/engine.py", "app/answering.py", "app/evaluated.py", "app/evaluating.py"),
    *("app/model_settings.py", "app/chat_models.py", "app/encoders.py", "app/ingesting.py"),
    *("eval/filling.py", "eval/grounding.py", "eval/judging.py", "eval/judges", "eval/metrics/citations.py"),
)
"""What an answer is made by, and what judges it."""
INDIFFERENT = frozenset(
    {
        *("library", "models_dir", "offline", "jobs", "parse_seconds", "parse_memory_mb", "max_file_mb", "duplicates"),
        *("index_memory_mb", "prefix_cache_mb", "threads", "parallel", "answer_seconds", "server_timeout"),
        *("models_memory_mb", "fast_layout"),
        *("monitor", "monitor_days"),
    }
)
"""Settings that no answer depends on."""
_SEARCH = frozenset(
    {
        *("embedding_model", "embedding_runtime", "chunker", "chunk_tokens", "chunk_overlap", "chunk_prefix", "ocr"),
        *("search_mode", "reranker", "rerank_depth", "diversity", "drop_copies", "widen", "hits"),
    }
)
"""Settings that the hits of a search depend on, and the libraries of corpora."""


@cache
def code_sha256() -> str:
    """Of all that makes or judges answers: the modules of this package, its prompts and its weights."""
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
    """The chat model: its name, and the SHA-256 of its weights and adapters where they are on this machine.

    Raises:
        ModelNotFoundError: It is not on this machine, or an adapter is not there.
        SettingsError: The scale of an adapter is no number.
    """
    if settings.server:
        return {"name": settings.model, "server": settings.server}
    store = ModelStore(settings.models_dir, settings.offline)
    file, pulled = chat_model_file(settings), store.path(settings.model)
    digest = _model_sha256(store, settings.model) if file == pulled else _sha256(file)
    found = {"name": settings.model, "sha256": digest}
    adapters = [{"sha256": _sha256(Path(path)), "scale": scale} for path, scale in as_adapters(settings.adapters)]
    return found | {"adapters": adapters} if adapters else found


def embedder_sha256(settings: Settings) -> str:
    """Of the files of the embedding model.

    Raises:
        ModelNotFoundError: It is the user's own, or the hub's, and not there.
    """
    store = ModelStore(settings.models_dir, settings.offline)
    return _model_sha256(store, settings.embedding_model or DEFAULT_EMBEDDING_MODEL)


def engine_identity(settings: Settings) -> dict[str, Any]:
    """All that the engine's answers depend on besides the documents: of files what they hold, not only where they are.

    Raises:
        ModelNotFoundError: The chat model is not on this machine, or another that the settings name by its path.
        SettingsError: A prompt, the file of examples or an adapter's scale cannot be used.
    """
    told = [f.name for f in fields(Settings) if f.name not in INDIFFERENT]
    return {
        "kind": "engine",
        "model": model_identity(settings),
        "prompts": {prompt.name: prompt.sha256 for prompt in as_asking(settings).identities},
        **_made_by(settings, told),
    }


def search_identity(settings: Settings) -> dict[str, Any]:
    """All that the hits of a search, and verdicts of what is written from them, depend on besides the documents.

    Raises:
        ModelNotFoundError: The embedding model or the reranker is named by its path, and not there.
    """
    return _made_by(settings, sorted(_SEARCH))


def _made_by(settings: Settings, names: Iterable[str]) -> dict[str, Any]:
    """These settings, the models of a search, and the code."""
    told = {name: getattr(settings, name) for name in names}
    held = {"embedding_model": embedder_sha256(settings)}
    if settings.reranker:
        held["reranker"] = _model_sha256(ModelStore(settings.models_dir, settings.offline), settings.reranker)
    told["embedding_model"] = settings.embedding_model or DEFAULT_EMBEDDING_MODEL
    return {"settings": told, "files": held, "code": code_sha256()}


def library_identity(library: Library) -> dict[str, Any]:
    """What a library holds: another fingerprint means other documents, other chunks or another embedding model."""
    documents, chunks = library.counts()
    embedder = library.embedder
    vectors = None if embedder is None else {**asdict(embedder), "source": "", "runtime": ""}
    cuts = _cuts(library)
    told = [(one.path, one.sha256, one.chunks, cuts.get(one.id)) for one in library.documents()]
    # A model's name in a recipe may be a path, and what it holds is told by the vectors.
    recipes = sorted((one.path, with_model(one.recipe, "")) for one in library.files().values())
    made = json.dumps([told, recipes, vectors], sort_keys=True).encode("utf-8", "replace")
    fingerprint = hashlib.sha256(made).hexdigest()
    name = None if embedder is None else embedder.name
    return {"documents": documents, "chunks": chunks, "embedder": name, "fingerprint": fingerprint}


def _cuts(library: Library) -> dict[int, str]:
    """Where the chunks of a document begin and end, by its id."""
    chunks = "SELECT document_id, char_start || '-' || char_end AS cut FROM chunks ORDER BY document_id, ordinal"
    with library.database.reading() as db:
        return dict(db.execute(f"SELECT document_id, group_concat(cut) FROM ({chunks}) GROUP BY document_id"))


def _model_sha256(store: ModelStore, name: str) -> str:
    """Of a model's files; those of the catalogue were checked when they were pulled."""
    known = store.catalogue.get(name)
    if known is None:
        return _sha256(store.path(name))
    digests = [file.sha256 for file in known.files]
    return digests[0] if len(digests) == 1 else content_key(digests)


def _sha256(path: Path) -> str:
    """Of a file, or of all in a folder that is not hidden."""
    try:
        if not path.is_dir():
            return _file_sha256(path, path.stat().st_mtime_ns)
        inside = ((one.relative_to(path), one) for one in sorted(path.rglob("*")) if one.is_file())
        shown = [(name, one) for name, one in inside if not any(part.startswith(".") for part in name.parts)]
        return content_key([(name.as_posix(), _file_sha256(one, one.stat().st_mtime_ns)) for name, one in shown])
    except OSError as error:
        raise ModelNotFoundError(
            f"cannot be read ({error.strerror})", path=path, remedy="Correct the setting that names it, or bring it"
        ) from error


@cache
def _file_sha256(path: Path, mtime_ns: int) -> str:
    return sha256_of(path)
