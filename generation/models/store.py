"""The folder of models on this machine: whole and checked, or not there."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ...errors import ChecksumError, DownloadError, ModelNotFoundError, OfflineError
from .catalogue import Kind, Model, find, load_catalogue
from .download import fetch
from .hub import Report, fetch_repository
from .layouts import Layout, layout_file, read_layout, remove_layout, write_layout

Progress = Callable[[str, int, int], None]
"""Called with what is being done, the bytes of the model that are done, and all its bytes."""

_STAMP = ".verified.json"


class ModelStore:
    """Finds, brings and checks models. Safe to use from several threads and processes.

    Args:
        folder: Where the models lie, one folder each. It is made when the first model is pulled.
        offline: Whether to refuse every use of the network.
        catalogue: The models to know instead of those that Ragstone ships with.
    """

    def __init__(self, folder: Path, offline: bool, catalogue: Mapping[str, Model] | None = None) -> None:
        self.folder = folder
        self.offline = offline
        self.catalogue = load_catalogue() if catalogue is None else catalogue

    def path(self, name_or_path: str | Path, kind: Kind | None = None) -> Path:
        """The .gguf file of a chat model, the folder of any other, or the user's own of either.

        Args:
            name_or_path: A name of the catalogue, a path, or `owner/name` of a repository of the hub.
            kind: What it is to be: the error names only such models.

        Raises:
            ModelNotFoundError: It is neither in the catalogue nor a path, or it has not been pulled.
        """
        name = str(name_or_path)
        own = Path(name).expanduser()
        if name not in self.catalogue and _is_own(own):
            return own
        if _is_repository(name):
            return self._repository(name)
        if own.suffix == ".gguf" or len(own.parts) > 1:
            remedy = "Give a .gguf file, a folder with a config.json, or a name from `ragstone models list`"
            raise ModelNotFoundError("there is no model at this path", remedy=remedy, path=own)
        model = find(name, self.catalogue, kind)
        self._require(model)
        return self._place(model)

    def lasting_name(self, name_or_path: str) -> str:
        """A model's name as it means the same from every folder: of the user's own, the absolute path."""
        own = Path(name_or_path).expanduser()
        return str(own.absolute()) if name_or_path not in self.catalogue and _is_own(own) else name_or_path

    def is_present(self, name: str) -> bool:
        """Whether it can be used now, judged by the sizes of its files.

        Raises:
            ModelNotFoundError: It is neither in the catalogue nor a path.
        """
        if name not in self.catalogue and _is_own(Path(name).expanduser()):
            return True
        if _is_repository(name):
            return _is_own(self._repository_place(name))
        model = find(name, self.catalogue)
        return _has_sizes(model, self.folder / model.name)

    def installed(self) -> list[Model]:
        """The models of the catalogue that are on this machine."""
        return [model for model in self.catalogue.values() if _has_sizes(model, self.folder / model.name)]

    def verify(self, name: str, *, reread: bool = False) -> None:
        """Checks the bytes of a model; files that passed before and have not changed since are not read again.

        Args:
            name: A model of the catalogue.
            reread: Whether to read all files all the same.

        Raises:
            ModelNotFoundError: It is not in the catalogue, or has not been pulled.
            ChecksumError: A file is not the one that the catalogue names.
        """
        model = find(name, self.catalogue)
        self._require(model)
        _check(model, self.folder / model.name, _no_report, reread=reread)

    def pull(self, name: str, progress: Progress | None = None) -> Path:
        """Brings a model to this machine unless it is here and sound. An interrupted pull goes on where it stopped.

        Args:
            name: A model of the catalogue, or `owner/name` of any on the hub: there is no checksum for those.
            progress: Called often, in this thread. What it raises ends the pull.

        Returns:
            What `path` returns.

        Raises:
            ModelNotFoundError: It is not in the catalogue.
            OfflineError: It is not here and the network may not be used.
            DownloadError: No source delivered it, or the folder cannot be written to.
            ChecksumError: All sources delivered other bytes than the catalogue's.
        """
        try:
            if _is_repository(name):
                return self._pull_repository(name, progress or _no_progress)
            model = find(name, self.catalogue)
            report = _no_report if progress is None else _reporter(model, progress)
            if not self._is_sound(model, report):
                self._refuse_offline(name)
                with self._alone(name, report):
                    if not self._is_sound(model, report):  # another process may just have brought it
                        self._bring(model, report)
        except OSError as error:
            remedy = "Check that the folder can be read and written, and has room"
            raise DownloadError(f"{name} cannot be stored: {error}", remedy=remedy, path=self.folder) from error
        return self._place(model)

    def layout(self, model: Model, processor: Callable[[], str]) -> Layout | None:
        """See `read_layout`."""
        return read_layout(self.folder / model.name, model, processor)

    def layout_file(self, model: Model, name: str) -> Path:
        """See `layout_file`."""
        return layout_file(self.folder / model.name, model, name)

    def use_layout(self, model: Model, layout: Layout) -> None:
        """See `write_layout`."""
        write_layout(self.folder / model.name, model, layout)

    def remove_layout(self, model: Model) -> bool:
        """See `remove_layout`."""
        return remove_layout(self.folder / model.name, model)

    def _place(self, model: Model) -> Path:
        folder = self.folder / model.name
        return folder / model.files[0].name if model.kind == "chat" else folder

    def _require(self, model: Model) -> None:
        if not _has_sizes(model, self.folder / model.name):
            raise ModelNotFoundError(
                f"the model {model.name} is not on this machine", remedy=f"Run `ragstone models pull {model.name}`"
            )

    def _repository_place(self, repo: str) -> Path:
        return self.folder / repo.replace("/", "--")

    def _repository(self, repo: str) -> Path:
        place = self._repository_place(repo)
        if not _is_own(place):
            raise ModelNotFoundError(
                f"there is no folder {repo} with a config.json, nor is the hub's model of this name on this machine",
                remedy=f"Give the path of a folder, or run `ragstone models pull {repo}`",
            )
        return place

    def _pull_repository(self, repo: str, progress: Progress) -> Path:
        place = self._repository_place(repo)
        if not _is_own(place):
            self._refuse_offline(repo)
            with self._alone(place.name, lambda step, done: progress(step, done, done)):
                if not _is_own(place):
                    work = self._partial / place.name
                    fetch_repository(repo, work, progress).replace(place)
                    shutil.rmtree(work)
        return place

    def _refuse_offline(self, name: str) -> None:
        if self.offline:
            raise OfflineError(
                f"{name} is not on this machine and must not be downloaded",
                remedy=f"Unset RAGSTONE_OFFLINE and run `ragstone models pull {name}`, "
                f"or copy its folder from another machine into {self.folder}",
            )

    def _is_sound(self, model: Model, report: Report) -> bool:
        try:
            return _has_sizes(model, self.folder / model.name) and _check(model, self.folder / model.name, report)
        except ChecksumError:
            return False

    @property
    def _partial(self) -> Path:
        return self.folder / ".partial"

    @contextmanager
    def _alone(self, name: str, report: Report) -> Iterator[None]:
        self._partial.mkdir(parents=True, exist_ok=True)
        with (self._partial / f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report("waiting for another process", 0)
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _bring(self, model: Model, report: Report) -> None:
        work = self._partial / model.name
        failures: list[tuple[str, DownloadError | ChecksumError]] = []
        for source in model.sources:
            try:
                if not _has_sizes(model, work / "files"):  # a pull may have ended between download and check
                    fetch(model, source, work, report)
                _check(model, work / "files", report)
                return self._publish(model, work)
            except ChecksumError as error:
                shutil.rmtree(work)
                failures.append((str(source), error))
            except DownloadError as error:
                failures.append((str(source), error))
        kind = ChecksumError if all(isinstance(error, ChecksumError) for _, error in failures) else DownloadError
        reasons = "; ".join(f"{source}: {error.what}" for source, error in failures)
        remedy = "; ".join(dict.fromkeys(error.remedy for _, error in failures))
        raise kind(f"no source delivered {model.name} ({reasons})", remedy=remedy, path=self.folder)

    def _publish(self, model: Model, work: Path) -> None:
        place, replaced = self.folder / model.name, work / "replaced"
        shutil.rmtree(replaced, ignore_errors=True)
        if place.exists():
            place.replace(replaced)
        (work / "files").replace(place)
        shutil.rmtree(work)


def _is_own(path: Path) -> bool:
    return path.is_file() if path.suffix == ".gguf" else (path / "config.json").is_file()


def _is_repository(name: str) -> bool:
    """Whether it is written like a repository of the hub, `owner/name`."""
    return re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", name) is not None and not name.endswith(".gguf")


def _no_progress(step: str, done: int, total: int) -> None:
    pass


def _no_report(step: str, done: int) -> None:
    pass


def _reporter(model: Model, progress: Progress) -> Report:
    return lambda step, done: progress(step, min(done, model.bytes), model.bytes)


def _has_sizes(model: Model, folder: Path) -> bool:
    try:
        return all((folder / file.name).stat().st_size == file.bytes for file in model.files)
    except OSError:
        return False


def _check(model: Model, folder: Path, report: Report, *, reread: bool = False) -> bool:
    """True, or ChecksumError. Remembers what passed in a stamp beside the files."""
    known = {} if reread else _read_stamp(folder)
    stamp: dict[str, Any] = {}
    done = 0
    for file in model.files:
        path = folder / file.name
        state = path.stat()
        stamp[file.name] = {"size": state.st_size, "mtime_ns": state.st_mtime_ns, "sha256": file.sha256}
        if known.get(file.name) != stamp[file.name] and _sha256(path, done, report) != file.sha256:
            (folder / _STAMP).unlink(missing_ok=True)  # else a pull would trust it and repair nothing
            remedy = f"Run `ragstone models pull {model.name}`"
            raise ChecksumError(f"{file.name} has not the bytes that the catalogue names", remedy=remedy, path=path)
        done += file.bytes
    if known != stamp:
        with suppress(OSError):  # a folder that only an administrator can write to is read again each time
            (folder / _STAMP).write_text(json.dumps(stamp), encoding="utf-8")
    return True


def _read_stamp(folder: Path) -> dict[str, Any]:
    try:
        stamp = json.loads((folder / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _sha256(path: Path, before: int, report: Report) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
            before += len(block)
            report("checking", before)
    return digest.hexdigest()
