"""Reranking: a cross-encoder reads the query together with each of the best hits and puts these in a new order.

It sees what two separate vectors cannot, how the words of both bear on each other, and costs a pass through a
transformer for every hit (Nogueira and Cho, "Passage Re-ranking with BERT", 2019, arXiv:1901.04085).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelLoadError
from .records import Hit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from sentence_transformers import CrossEncoder

log = logging.getLogger(__name__)

_REMEDY = "Set `reranker` to a cross-encoder with one output, such as `cross-encoder/ms-marco-MiniLM-L6-v2`"
_STEP = 1e-6
"""By how much the first hit that was not reranked falls short of the last that was."""


class Reranker:
    """A cross-encoder that says how well a passage answers a query. Safe to use from several threads, one at a time.

    It computes in fp32, on the GPU when torch sees one, batches of like length at a time. Importing torch takes
    seconds, so it is made when it is first needed.

    Args:
        folder: A model that `sentence_transformers.CrossEncoder` can load. The network is not used.

    Raises:
        ModelLoadError: It is not a cross-encoder, has more than one output, needs code of its own, or is damaged.
    """

    def __init__(self, folder: Path) -> None:
        _require_cross_encoder(folder)
        import torch
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder

        try:
            with _no_progress_bar():
                model = CrossEncoder(
                    str(folder),
                    local_files_only=True,
                    model_kwargs={"dtype": torch.float32, "use_safetensors": True},
                    activation_fn=torch.nn.Sigmoid(),
                )
        except (OSError, ValueError, RuntimeError, ImportError, SafetensorError) as error:
            raise ModelLoadError(
                f"sentence-transformers cannot load this cross-encoder ({(str(error).splitlines() or ['?'])[0]})",
                path=folder,
                remedy=_REMEDY,
            ) from error
        if model.num_labels != 1:
            raise ModelLoadError(
                f"this model sorts pairs into {model.num_labels} classes and gives no single score of relevance",
                path=folder,
                remedy=_REMEDY,
            )
        _require_head(model, folder)
        self._model: CrossEncoder = model.eval()
        self._batch = 8 if model.device.type == "cpu" else 64  # as in `embedding/_torch.py`
        self._told = False
        self._guard = threading.Lock()

    def scores(self, query: str, passages: Sequence[str]) -> npt.NDArray[np.float32]:
        """How well each passage answers the query: float32 of shape (len(passages),), 0..1, higher is better.

        It is the logistic function of the model's output, comparable between queries of one model, but not calibrated.
        What a pair has beyond the model's length is not read: a warning the first time, told at DEBUG later.
        """
        import numpy as np

        if not passages:
            return np.empty(0, dtype=np.float32)
        with self._guard:  # a tokenizer cannot truncate in two threads at once
            self._tell_truncation(query, passages)
            scores = self._model.predict(
                [(query, passage) for passage in passages], batch_size=self._batch, show_progress_bar=False
            )
        return np.asarray(scores, dtype=np.float32)

    def _tell_truncation(self, query: str, passages: Sequence[str]) -> None:
        limit = self._model.max_seq_length
        if limit is None:
            return
        pairs = self._model.tokenizer([query] * len(passages), list(passages), truncation=False, verbose=False)
        cut = sum(len(ids) > limit for ids in pairs["input_ids"])
        if cut:
            level = logging.DEBUG if self._told else logging.WARNING
            log.log(level, "the reranker reads %d tokens; %d of %d passages are longer", limit, cut, len(passages))
            self._told = True


def rerank(query: str, hits: Sequence[Hit], reranker: Reranker, depth: int) -> list[Hit]:
    """Put the first `depth` hits in the order of the cross-encoder; the others stay below them in their own order.

    A hit's `score` becomes the cross-encoder's, 0..1, and that of the others moves down as a whole, so that it still
    falls with the rank. `ranks["fused"]` keeps the rank before, `ranks["rerank"]` is told of those that were judged.
    Equal scores keep their order.

    Args:
        query: What was searched for.
        hits: In the order of their ranks.
        reranker: The cross-encoder. It reads `Chunk.passage`.
        depth: How many to judge, at least 1; each costs a pass through the model.
    """
    head, tail = hits[:depth], hits[depth:]
    scores = reranker.scores(query, [hit.chunk.passage for hit in head])
    order = sorted(range(len(head)), key=lambda place: (-scores[place], place))
    judged = [
        replace(
            head[place],
            rank=rank,
            score=float(scores[place]),
            ranks=head[place].ranks | {"fused": head[place].rank, "rerank": rank},
        )
        for rank, place in enumerate(order, 1)
    ]
    if not tail:
        return judged
    shift = judged[-1].score - _STEP - tail[0].score
    return judged + [replace(hit, score=hit.score + shift, ranks=hit.ranks | {"fused": hit.rank}) for hit in tail]


def _require_head(model: CrossEncoder, folder: Path) -> None:
    """Refuse a model whose file lacks the layers that give the score: transformers would draw them at random."""
    from safetensors import safe_open

    network = model.transformers_model
    if network is None or not type(network).__name__.endswith("ForSequenceClassification"):
        return
    stored: set[str] = set()
    for path in folder.rglob("*.safetensors"):
        with safe_open(path, framework="np") as file:
            stored.update(file.keys())
    head = {name for name in network.state_dict() if not name.startswith(f"{network.base_model_prefix}.")}
    if lacking := sorted(head - stored):
        raise ModelLoadError(
            f"its weights lack {', '.join(lacking)}, which a cross-encoder needs", path=folder, remedy=_REMEDY
        )


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    """Keep transformers from drawing on stderr while it loads weights."""
    from transformers.utils import logging as their_logging

    was_enabled = their_logging.is_progress_bar_enabled()
    their_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            their_logging.enable_progress_bar()


def _require_cross_encoder(folder: Path) -> None:
    """Refuse what sentence-transformers would load without a word, with random weights where the scores come from."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        told = folder / "config_sentence_transformers.json"
        kind = json.loads(told.read_text("utf-8")).get("model_type") if told.is_file() else None
    except (OSError, ValueError) as error:
        raise ModelLoadError(f"there is no model in it ({error})", path=folder, remedy=_REMEDY) from error
    architectures = config.get("architectures") or []
    if kind != "CrossEncoder" and not any(name.endswith("ForSequenceClassification") for name in architectures):
        raise ModelLoadError(
            f"this is no cross-encoder but {', '.join(architectures) or 'a model of unknown kind'}",
            path=folder,
            remedy=_REMEDY,
        )
