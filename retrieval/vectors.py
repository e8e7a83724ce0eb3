"""The FAISS index: a cache of the library's vectors, in a folder named after the revision that it holds.

A revision's folder is written under another name and renamed when it is whole, so a reader meets all of it or
nothing. Vectors have length 1, so the inner product is the cosine.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np

from .library import Library

if TYPE_CHECKING:
    import numpy.typing as npt

log = logging.getLogger(__name__)

FILE = "vectors.faiss"


class VectorIndex:
    """The vectors of one revision of a library, ready to search. Safe to use from several threads."""

    def __init__(self, index: Any, revision: int) -> None:
        # The flat index is searched directly: the id map's own loop starts threads, which cost a query milliseconds.
        self._flat = faiss.downcast_index(index.index)
        self._ids: npt.NDArray[np.int64] = faiss.vector_to_array(index.id_map)  # ascending
        self._index = index  # owns both
        self.revision = revision

    @classmethod
    def load(cls, library: Library) -> VectorIndex:
        """Open the index of the library's present revision; make it anew when there is none or it is damaged."""
        revision = library.revision
        file = _folder(library) / str(revision) / FILE
        if file.is_file():
            try:
                index = faiss.read_index(str(file))
            except RuntimeError as error:
                log.warning("%s is damaged and will be made anew (%s)", file, str(error).splitlines()[0])
                shutil.rmtree(file.parent, ignore_errors=True)
            else:
                return cls(index, revision)
        return cls.publish(library)

    @classmethod
    def publish(cls, library: Library) -> VectorIndex:
        """Build the index from the database and store it for the next process."""
        ids, vectors, revision = library.vectors()
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(max(vectors.shape[1], 1)))
        if len(ids):
            index.add_with_ids(vectors, ids)
        folder = _folder(library)
        try:
            folder.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as temporary:
                made = Path(temporary) / "index"
                made.mkdir()
                faiss.write_index(index, str(made / FILE))
                if not (folder / str(revision) / FILE).exists():
                    made.rename(folder / str(revision))
            for old in folder.iterdir():
                if old.name.isdigit() and int(old.name) < revision:
                    shutil.rmtree(old, ignore_errors=True)
        except (OSError, RuntimeError) as error:
            # A full disk or a read-only folder costs the next process a second; searching goes on.
            log.warning("%s: the index could not be stored (%s)", folder, str(error).splitlines()[-1])
        return cls(index, revision)

    def __len__(self) -> int:
        return len(self._ids)

    def search(self, vector: npt.NDArray[np.float32], k: int) -> list[tuple[int, float]]:
        """The k nearest chunks of a query vector of shape (dimension,): ids and cosines, best first."""
        if not len(self):
            return []
        scores, places = self._flat.search(vector.reshape(1, -1), min(k, len(self)))
        return [(int(self._ids[p]), float(s)) for p, s in zip(places[0], scores[0], strict=True) if p >= 0]

    def similarities(self, vector: npt.NDArray[np.float32], ids: Sequence[int]) -> dict[int, float]:
        """The cosine of a query vector of shape (dimension,) with each chunk; what is not in the index is left out."""
        places = np.searchsorted(self._ids, ids)
        return {
            i: float(self._flat.reconstruct(int(p)) @ vector)
            for i, p in zip(ids, places, strict=True)
            if p < len(self) and self._ids[p] == i
        }


def _folder(library: Library) -> Path:
    return library.folder / "index"
