"""`ragstone doctor`: what is wrong with this installation, its models and its library, and what to do about it.

Each check is a function from the settings to what it found; `CHECKS` lists them all. Nothing is repaired, and no
document's text is shown.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Literal

from ..errors import ModelError, RagstoneError, SettingsError
from ..eval.report.wording import counted
from .settings import CONFIG_FILE, DEFAULT_EMBEDDING_MODEL, OTHER_VARIABLES, PREFIX, Settings
from .tuning import chat_model_file

if TYPE_CHECKING:
    from ..generation.remote import RemoteModel
    from ..retrieval.library import Library

PACKAGES = (
    *("faiss-cpu", "openvino", "llama-cpp-python", "sentence-transformers", "transformers", "torch"),
    *("pypdf", "pypdfium2"),
)
CONTEXT_BYTES = 128 << 10
"""Memory for a token of context: what an 8B model with grouped-query attention takes at 16 bits."""
FEW_BYTES, TOO_FEW_BYTES = 2e9, 200e6
"""Free disk below which there is a warning, and a problem."""


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found."""

    name: str
    status: Literal["ok", "warning", "problem"]
    found: str
    remedy: str = ""
    """What to do, as a sentence without its full stop; empty when all is well."""


def examine(library: Path | None = None, *, load: bool = True) -> list[Check]:
    """Run every check. With settings that are not valid, only those that need none.

    Args:
        library: The library's folder; by default the one of the settings.
        load: Whether to load the chat model, to see where its layers really are, or to have its server answer.
    """
    try:
        settings, checks = Settings.load({"library": library}), CHECKS
    except SettingsError as error:
        return [*_run(versions, Settings()), _problem("settings", error)]
    return [found for check in checks if load or check not in (layers, answers) for found in _run(check, settings)]


def _run(check: Callable[[Settings], Iterator[Check]], settings: Settings) -> Iterator[Check]:
    try:
        yield from check(settings)
    except RagstoneError as error:
        yield _problem(check.__name__, error)
    except ImportError as error:  # raised also for a package without metadata
        yield Check(check.__name__, "problem", f"a package is missing or broken ({error})", "Run `make install`")


def _problem(name: str, error: RagstoneError) -> Check:
    return Check(name, "problem", f"{error.path}: {error.what}" if error.path else error.what, error.remedy)


def _judge(name: str, found: str, remedy: str, *, problem: bool = False, warning: bool = False) -> Check:
    if problem or warning:
        return Check(name, "problem" if problem else "warning", found, remedy)
    return Check(name, "ok", found)


def versions(_: Settings) -> Iterator[Check]:
    """Ragstone, Python, the packages that do the work, and SQLite, which has to be built with full-text search."""
    yield Check("ragstone", "ok", f"{version('ragstone')}, Python {platform.python_version()}, {platform.platform()}")
    with closing(sqlite3.connect(":memory:")) as db:
        searchable = ("ENABLE_FTS5",) in db.execute("PRAGMA compile_options").fetchall()
    found = f"{sqlite3.sqlite_version}, {'with' if searchable else 'without'} FTS5"
    remedy = "Use a Python whose SQLite has FTS5, as that of python.org or uv"
    yield _judge("sqlite", found, remedy, problem=not searchable)
    yield Check("packages", "ok", ", ".join(f"{package} {version(package)}" for package in PACKAGES))


def sources(settings: Settings) -> Iterator[Check]:
    """Where the settings come from."""
    file = Path(os.environ.get("RAGSTONE_CONFIG", CONFIG_FILE))
    variables = sorted({name for name in os.environ if name.startswith(PREFIX)} - OTHER_VARIABLES)
    yield Check("settings", "ok", ", ".join([str(file.absolute()) if file.is_file() else f"no {file}", *variables]))
    yield Check("offline", "ok", "on: the network is never used" if settings.offline else "off")


def library(settings: Settings) -> Iterator[Check]:
    """The database, the two indexes, the embedding model that made the vectors, and the files behind the documents."""
    from ..retrieval._migrations import MIGRATIONS
    from ..retrieval.analysis import VERSION
    from ..retrieval.library import DATABASE, Library

    file = settings.library / DATABASE
    if not file.is_file():
        yield Check("library", "warning", f"{settings.library}: there is none yet", "Make one with `ingest FOLDER`")
        return
    number, analysis, faults = _quick_check(file)
    if faults:
        remedy = "Check its permissions; restore it from a backup, or ingest into another with --library"
        yield Check("library", "problem", f"{file}: {'; '.join(faults)}", remedy)
        return
    if number < len(MIGRATIONS):  # opening it would change it
        yield Check("library", "ok", f"{file}: version {number}, brought to {len(MIGRATIONS)} at its next use")
        return
    if analysis != str(VERSION):  # and so here
        yield Check("library", "ok", f"{file}: version {number}; the words of its chunks are read anew at its next use")
        return
    with Library(settings.library) as opened:
        documents, chunks = opened.counts()
        yield Check(
            "library", "ok", f"{file}: version {number}, {counted(documents, 'document')}, {counted(chunks, 'chunk')}"
        )
        yield _lexical_index(opened)
        yield _vector_index(opened, chunks)
        yield _files(opened)
        if _sound(settings, _embedding_model(settings)):
            yield _embedder(opened, settings)


def _quick_check(file: Path) -> tuple[int, str, list[str]]:
    """The versions of the schema and of the analysis of words, and what is wrong with the database."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as db:
            faults = [str(row[0]) for row in db.execute("PRAGMA quick_check(3)")]
            number = int(db.execute("PRAGMA user_version").fetchone()[0])
            named = "SELECT value FROM settings WHERE name = 'analysis'"
            analysis = (db.execute(named).fetchone() if number else None) or [""]
    except sqlite3.DatabaseError as error:
        return 0, "", [str(error)]
    return number, analysis[0], [] if faults == ["ok"] else faults


def _lexical_index(opened: Library) -> Check:
    if count := opened.differing_terms():
        remedy = f"Run `ragstone reindex --library {quote(str(opened.named))}`, which makes it anew"
        return Check("lexical index", "problem", f"not that of the text in {count} chunks", remedy)
    return Check("lexical index", "ok", "consistent with the chunks")


def _vector_index(opened: Library, chunks: int) -> Check:
    from ..retrieval.index import DamagedError, verified

    inside = Path("index") / opened.published
    folder = opened.folder / inside
    if not opened.published or not folder.is_dir():
        return Check("vector index", "ok", f"will be rebuilt for {counted(chunks, 'chunk')} at the next search")
    try:
        rows = verified(folder)["rows"]
    except (DamagedError, OSError, ValueError):
        return Check(
            "vector index",
            "warning",
            f"{opened.named / inside} is damaged",
            "Nothing is lost: the next search rebuilds it",
        )
    found = f"{rows} chunks, checksums right; the library has {chunks}, and a search reads the news from it"
    return Check("vector index", "ok", found)


def _files(opened: Library) -> Check:
    from ..ingest.sources import SourceFile, has_changed

    gone = changed = 0
    # The others are texts that are no files.
    files = {absolute: stored for absolute, stored in opened.files().items() if Path(absolute).is_absolute()}
    for absolute, stored in files.items():
        try:
            stat = Path(absolute).stat()
            file = SourceFile(stored.path, Path(absolute), stat.st_size, stat.st_mtime_ns)
            changed += has_changed(file, stored, stored.recipe)
        except OSError:
            gone += 1
    found = f"{counted(len(files), 'file')}: {gone} cannot be read any more, {changed} have changed since"
    remedy = "Run `ingest` on their folders again; `ragstone docs remove` forgets those whose folder is gone"
    return _judge("documents", found, remedy, warning=bool(gone or changed))


def _embedder(opened: Library, settings: Settings) -> Check:
    from .encoders import open_embedder

    try:
        embedder = open_embedder(settings, _embedding_model(settings), ingesting=True)
        opened.require_embedder(embedder.identity)
    except RagstoneError as error:
        return _problem("vectors", error)
    identity = embedder.identity
    found = f"of the configured model: {identity.model}, {identity.dimension} dimensions, {identity.runtime}"
    return Check("vectors", "ok", found if opened.embedder else "none yet")


def _embedding_model(settings: Settings) -> str:
    """The embedding model in use (see `app.engine.Ragstone.embedding_model`); the library is only looked at."""
    from ..retrieval.library import DATABASE
    from ..retrieval.records import EmbedderIdentity

    file, row = settings.library / DATABASE, None
    if not settings.embedding_model and file.is_file():
        opened = closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True))
        with suppress(sqlite3.DatabaseError), opened as db:  # another check tells what is wrong with it
            row = db.execute("SELECT value FROM settings WHERE name = 'embedder'").fetchone()
    return settings.embedding_model or (EmbedderIdentity.from_json(row[0]).name if row else DEFAULT_EMBEDDING_MODEL)


def _sound(settings: Settings, name: str) -> Path | None:
    """Where a model is; None when `models` has a problem with it."""
    from ..generation.models import ModelStore

    store = ModelStore(settings.models_dir, settings.offline)
    try:
        if name in store.catalogue:
            store.verify(name)
        return store.path(name)
    except ModelError:
        return None


def _chat_file(settings: Settings) -> Path | None:
    """The file that the chat model is read from; None when `models` has a problem with it, or a server has it."""
    return None if settings.server or not _sound(settings, settings.model) else chat_model_file(settings)


def models(settings: Settings) -> Iterator[Check]:
    """The two configured models and the others on this machine, every byte of them read."""
    from ..generation.models import ModelStore

    store = ModelStore(settings.models_dir, settings.offline)
    configured = {} if settings.server else {settings.model: "the chat model"}
    configured[_embedding_model(settings)] = "the embedding model"
    for name in dict.fromkeys([*configured, *(model.name for model in store.installed())]):
        try:
            if name in store.catalogue:
                store.verify(name, reread=True)
                found = f"{store.catalogue[name].bytes / 1e6:,.0f} MB, checksums right"
            else:
                found = "your own, not checked" if store.path(name) else ""
            if name == settings.model and (file := chat_model_file(settings)) != store.path(name):
                found += f", answers from {file.name}"
            yield Check(f"model {name}", "ok", f"{found} ({configured[name]})" if name in configured else found)
        except ModelError as error:
            yield _problem(f"model {name}", error)


def server(settings: Settings) -> Iterator[Check]:
    """The server of the chat model, if there is one: that it is reached, and has the model."""
    if not settings.server:
        return
    with _remote(settings) as model:
        found = f"{settings.server} {'lists' if model.is_listed else 'does not list its models; asked will be'}"
        remedy = "Use https or a tunnel: the key is sent over the network unencrypted"
        yield _judge("server", f"{found} {model.name}", remedy, warning=model.exposes_key)


def answers(settings: Settings) -> Iterator[Check]:
    """That the server takes the key and makes a token."""
    from ..generation.sampling import Sampling

    if not settings.server:
        return
    try:
        model = _remote(settings)
    except RagstoneError:  # another check tells what is wrong with it
        return
    started = time.perf_counter()
    with model:
        list(model.generate([{"role": "user", "content": "Hello."}], Sampling(max_tokens=1)))
    yield Check("answers", "ok", f"{model.name} made a token in {time.perf_counter() - started:.1f} s")


def _remote(settings: Settings) -> RemoteModel:
    from ..generation.remote import RemoteModel

    return RemoteModel(settings.server, settings.model, timeout=settings.server_timeout, offline=settings.offline)


def llama(settings: Settings) -> Iterator[Check]:
    """What llama.cpp was built for, beside the GPUs and cores that there are."""
    import llama_cpp

    from ..generation.llama import physical_cores, supports_gpu

    offload, cores = supports_gpu(), physical_cores()
    backends = re.findall(r"(?:^|\| )(\w+) : ", llama_cpp.llama_print_system_info().decode())
    built = f"{llama_cpp.__version__}, built for {', '.join(backends)}, GPU {'usable' if offload else 'not used'}"
    yield Check("llama.cpp", "ok", built)
    gpus = _nvidia_gpus()
    remedy = "Run `make install LLAMA_BACKEND=cuda` (needs nvcc, from the CUDA toolkit)"
    yield _judge("gpu", ", ".join(gpus) or "no NVIDIA GPU", remedy, warning=bool(gpus) and not offload)
    threads = settings.threads or cores
    remedy = "Set threads = 0; more threads than physical cores make llama.cpp slower"
    yield _judge("threads", f"{threads} for {cores} physical cores", remedy, warning=threads > cores)


def _nvidia_gpus() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in output.splitlines() if line.strip()]


def layers(settings: Settings) -> Iterator[Check]:
    """Where the chat model's layers are when it is really loaded."""
    from ..generation.llama import LlamaModel, supports_gpu
    from .model_settings import as_gpu_layers

    if not (path := _chat_file(settings)):
        return
    gpu_layers = as_gpu_layers(settings.gpu_layers)
    with LlamaModel(path, context_tokens=512, gpu_layers=gpu_layers, threads=settings.threads) as model:
        offload = model.offload
    devices = ", ".join(offload.devices) or "the CPU runs them"
    unused = settings.gpu_layers == "auto" and supports_gpu() and not offload.layers
    found = f"{settings.model}: {offload.layers} of {offload.total} on a GPU ({devices})"
    yield _judge("layers", found, "Free memory of the GPU, or choose a smaller model", warning=unused)


def memory(settings: Settings) -> Iterator[Check]:
    """Memory against what the chat model needs."""
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free"
    needed = 0
    if path := _chat_file(settings):
        needed = path.stat().st_size + settings.context_tokens * CONTEXT_BYTES
        found += f"; {settings.model} needs about {needed / 1e9:.1f} GB"
    remedy = "End other programs, lower context_tokens or choose a smaller model (`ragstone models list`)"
    yield _judge("memory", found, remedy, problem=needed > memory.total, warning=needed > memory.available)


def disk(settings: Settings) -> Iterator[Check]:
    """Free disk where Ragstone writes."""
    for setting, folder in (("library", settings.library), ("models_dir", settings.models_dir)):
        there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
        free = shutil.disk_usage(there).free
        found, remedy = f"{free / 1e9:,.1f} GB free at {folder}", f"Make room, or set {setting} to one on another disk"
        yield _judge(f"disk of {setting}", found, remedy, problem=free < TOO_FEW_BYTES, warning=free < FEW_BYTES)


CHECKS = (versions, sources, models, server, answers, library, llama, layers, memory, disk)
