"""The embedding network on the CPU through OpenVINO, without torch."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from ...errors import ModelLoadError
from ..disk import sha256_of
from ..quiet_openvino import CORE
from ..quiet_openvino import openvino as ov
from ._export import export
from ._identity import weights_of

if TYPE_CHECKING:
    import numpy.typing as npt

log = logging.getLogger(__name__)

_BATCH = 8
"""Texts of one length that a core takes at a time: short ones gain by company, long ones do not need more."""

_STEP = 16
"""Queries have a multiple of so many tokens."""
_QUERY_THREADS = 4
"""The most cores that share one query: more have too little to do each."""


class OpenVinoRuntime:
    """See `Runtime`. OpenVINO picks bf16 arithmetic where the CPU has it, else fp32.

    Each core runs the network on passages of one length at a time. That wastes nothing on padding, lets no core wait
    for another one that has something else to do, and makes a vector independent, to the bit, of the texts beside it.
    A query is shared by several cores.
    """

    def __init__(self, folder: Path, cache: Path, *, threads: int = 0, precision: str = "") -> None:
        self._exported = _exported(folder, cache)
        self._precision = precision
        self._streams = threads or psutil.cpu_count(logical=False) or 1
        self._of_queries: Any = self._compiled(1, min(self._streams, _QUERY_THREADS))
        self._lock = threading.Lock()
        self._of_passages: Any = self._of_queries if self._streams == 1 else None
        self.name = f"openvino-{self._of_queries.get_property('INFERENCE_PRECISION_HINT').to_string()}"
        self.dimension = int(self._of_queries.outputs[0].get_partial_shape()[1].get_length())
        self.sha256: str = json.loads((self._exported / "source.json").read_text("utf-8"))["sha256"]

    def _compiled(self, streams: int, threads: int) -> Any:
        """The network for so many texts at a time, which share so many threads. Vectors are the same for any number."""
        config: dict[str, Any] = {
            "CACHE_DIR": str(self._exported / "compiled"),
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": threads,
        }
        if self._precision:
            config["INFERENCE_PRECISION_HINT"] = self._precision
        try:
            return CORE.compile_model(str(self._exported / "model.xml"), "CPU", config)
        except RuntimeError as error:
            raise ModelLoadError(
                f"OpenVINO cannot load the exported model ({str(error).strip().splitlines()[-1]})",
                path=self._exported,
                remedy="Delete this folder and run the command again; it is made anew",
            ) from error

    def forward(self, texts: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Map the token ids of texts to sentence embeddings (texts, dimension)."""
        with self._lock:
            self._of_passages = self._of_passages or self._compiled(self._streams, self._streams)
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        batches = _batches(texts)
        workers = min(self._streams, len(batches))
        waiting = iter(batches)  # advancing it is one step to the interpreter, so threads can share it
        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(self._work, texts, waiting, vectors) for _ in range(workers)]:
                done.result()
        return vectors

    def begin_query(self, text: Sequence[int], most: int) -> Callable[[], npt.NDArray[np.float32]]:
        """See `Runtime`. The text is padded, for each new length costs time."""
        ids = np.zeros((1, min(-(-len(text) // _STEP) * _STEP, most)), np.int64)
        ids[0, : len(text)] = text
        mask = np.zeros_like(ids)
        mask[0, : len(text)] = 1
        request = self._of_queries.create_infer_request()
        request.start_async({"input_ids": ids, "attention_mask": mask})

        def vector() -> npt.NDArray[np.float32]:
            request.wait()
            found: npt.NDArray[np.float32] = request.get_output_tensor(0).data[0].copy()
            return found

        return vector

    def _work(self, texts: Sequence[Sequence[int]], waiting: Iterator[list[int]], out: npt.NDArray[np.float32]) -> None:
        request = self._of_passages.create_infer_request()
        for rows in waiting:
            ids = np.array([texts[row] for row in rows], dtype=np.int64)
            out[rows] = request.infer({"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]


def _batches(texts: Sequence[Sequence[int]]) -> list[list[int]]:
    """The texts' places, those of equal length together, long texts first so that all cores end at the same time."""
    by_length = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    groups = (list(group) for _, group in groupby(by_length, key=lambda row: len(texts[row])))
    return [group[start : start + _BATCH] for group in groups for start in range(0, len(group), _BATCH)]


def _exported(folder: Path, cache: Path) -> Path:
    """The folder of the exported model, made at the first use and published by an atomic rename.

    Without symbolic links: OpenVINO compiles a model anew, and keeps that too, for every path that leads to it.
    """
    weights = weights_of(folder)
    if not weights:
        raise ModelLoadError("there are no safetensors weights", path=folder, remedy="Use a model that has them")
    stats = [(path, path.stat()) for path in weights]
    key = [f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}" for path, stat in stats] + [ov.__version__]
    ready = cache / f"{folder.name}-{hashlib.sha256('|'.join(key).encode()).hexdigest()[:16]}"
    if ready.is_dir():
        return ready.resolve()
    log.info("exporting %s for the CPU, once", folder.name)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".export-") as temporary:
        made = Path(temporary) / "model"
        made.mkdir()
        export(folder, made)
        told = {"sha256": sha256_of(*weights), "weights": [str(path) for path in weights]}
        (made / "source.json").write_text(json.dumps(told), "utf-8")
        try:
            made.rename(ready)
        except OSError:
            if not ready.is_dir():  # else another process was quicker, and its copy is as good
                raise
    return ready.resolve()
