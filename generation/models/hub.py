"""Brings files from the hub by its own client. Nothing here is trusted until it is checked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from ...errors import DownloadError
from ..messages import reason

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo, ModelInfo

Report = Callable[[str, int], None]
"""Called with the step and the bytes that are here."""
Kind = Literal["model", "dataset"]

NETWORK = "Check the network and pull again, which goes on where it stopped"
_PATIENCE = 5.0
"""Seconds to wait for the hub's first word."""
_MODEL = {".json", ".txt", ".jinja", ".model", ".safetensors"}
"""What is wanted of a model, by suffix: weights as safetensors only, for a pickle runs code."""


class _Bar:
    """What the hub takes for a progress bar; it draws nothing."""

    report: Callable[[int], None]

    def __init__(self, *_: object, initial: int = 0, **__: object) -> None:
        self.n = initial

    def update(self, n: float | None = 1) -> None:
        self.n += int(n or 0)
        self.report(self.n)

    def __enter__(self) -> _Bar:
        return self

    def _ignore(self, *_: object, **__: object) -> None:
        pass

    # The hub counts a file twice, as it arrives and as it is written, unless its bar has `update_transfer`.
    __exit__ = close = refresh = set_postfix_str = update_transfer = set_transfer_postfix_str = _ignore


def fetch_repository(repo: str, work: Path, report: Callable[[str, int, int], None]) -> Path:
    """Brings what sentence-transformers needs of a repository of models, and returns its folder, `work/hub`.

    Nobody vouches for its bytes: it is the user's choice.

    Args:
        repo: `owner/name`.
        work: Where to put it; what an interrupted call left there is used.
        report: Called with the step, the bytes that are here, and all bytes.

    Raises:
        DownloadError: The hub cannot be reached, does not have it, or it has no safetensors.
    """
    revision, sizes = _describe(repo, "model", None)
    sizes = {name: size for name, size in sizes.items() if _is_wanted(name)}
    if "config.json" not in sizes or not any(name.endswith(".safetensors") for name in sizes):
        raise DownloadError(
            f"{repo} has no config.json with safetensors weights", remedy="Choose a model that is published so"
        )
    total = sum(sizes.values())
    bring_files(repo, revision, sizes, work / "hub", lambda step, done: report(step, done, total))
    shutil.rmtree(work / "hub" / ".cache", ignore_errors=True)  # the client's notes
    return work / "hub"


def fetch_dataset(
    repo: str, local: Path, report: Callable[[str, int, int], None], *, below: str = "", revision: str | None = None
) -> str:
    """Brings the files of a repository of data, and returns the commit that they are of. Its code stays there.

    Args:
        repo: `owner/name`.
        local: Where to put them, under their names in the repository; what an interrupted call left there is used.
        report: Called with the step, the bytes that are here, and all bytes.
        below: Only what is in this folder of the repository.
        revision: A branch, tag or commit; by default the newest.

    Raises:
        DownloadError: The hub cannot be reached, or has no such files.
    """
    commit, sizes = _describe(repo, "dataset", revision)
    folder = PurePosixPath(below)
    sizes = {
        name: size
        for name, size in sizes.items()
        if _is_inside(path := PurePosixPath(name)) and path.is_relative_to(folder) and path.suffix != ".py"
    }
    if not sizes:
        raise DownloadError(f"{repo} has no files{f' in {below}' if below else ''}", remedy="Check its name")
    total = sum(sizes.values())
    bring_files(repo, commit, sizes, local, lambda step, done: report(step, done, total), kind="dataset")
    shutil.rmtree(local / ".cache", ignore_errors=True)  # the client's notes
    return commit


def bring_files(
    repo: str, revision: str, sizes: Mapping[str, int], local: Path, report: Report, kind: Kind = "model"
) -> None:
    """Brings files of a repository, by name with their bytes, into a folder; what is there of them is not read again.

    Raises:
        DownloadError: The hub cannot be reached or does not have one of them.
    """
    httpx2, hub = _client()
    done = 0
    try:
        # Without a network hf_hub_download tries for 23 seconds; this asks once.
        first = hub.hf_hub_url(repo, next(iter(sizes)), repo_type=kind, revision=revision)
        hub.get_hf_file_metadata(first, timeout=_PATIENCE)
        for name, size in sizes.items():
            bar: Any = type("Bar", (_Bar,), {"report": staticmethod(partial(added, report, name, done))})
            hub.hf_hub_download(repo, name, repo_type=kind, revision=revision, local_dir=local, tqdm_class=bar)
            done += size
    except (OSError, RuntimeError, httpx2.HTTPError) as error:
        raise DownloadError(reason(error), remedy=NETWORK) from error


def added(report: Report, step: str, before: int, done: int) -> None:
    """Report bytes after those of earlier steps."""
    report(step, before + done)


def _describe(repo: str, kind: Kind, revision: str | None) -> tuple[str, dict[str, int]]:
    """The commit of a repository, and its files with their bytes."""
    httpx2, hub = _client()
    try:
        info: ModelInfo | DatasetInfo = hub.HfApi().repo_info(
            repo, repo_type=kind, revision=revision, timeout=_PATIENCE, files_metadata=True
        )
    except (OSError, RuntimeError, ValueError, httpx2.HTTPError) as error:
        raise DownloadError(f"{repo}: {reason(error)}", remedy=f"{NETWORK}, and the name") from error
    return info.sha or "main", {file.rfilename: file.size or 0 for file in info.siblings or ()}


def _client() -> tuple[Any, Any]:
    """The hub's client, and the one for HTTP beneath it."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the module is imported
    import httpx2
    import huggingface_hub

    return httpx2, huggingface_hub


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return _is_inside(path) and not {"onnx", "openvino", "original"}.intersection(path.parts) and path.suffix in _MODEL


def _is_inside(path: PurePosixPath) -> bool:
    return ".." not in path.parts and not path.is_absolute() and not path.name.startswith(".")
