"""The verifier: a small network trained to tell whether passages carry a claim, and exact comparisons beside it.

How it was trained: `training/grounding`. What it can and cannot do: `weights/MODEL_CARD.md`.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
from tokenizers import Encoding, Tokenizer

from ...errors import ModelLoadError
from ..spans import Spans, joined
from .claims import FRAGMENT, Claim, without_citations
from .combination import Combination
from .evidence import Source, Unit
from .features import FEATURES, Comparison, compare, written_like
from .scoring import Evidence, Scorer

WEIGHTS = Path(__file__).with_name("weights")
LONGEST = 256
"""Tokens of claim and evidence together."""
LONGEST_CLAIM = 128
LONGEST_CONTEXT = 300
"""Characters of the question."""
_STEP = 32
"""Texts are padded to a multiple of so many tokens: each new length costs time once."""
_KEPT = 16
"""How many lists of passages stay prepared."""
_BARE = 0.5
"""The least probability of a claim's token at which it is marked as unsupported."""
GAP = 5
"""Characters between two spans that are shown as one."""
DENIED = -1.5
"""The network's logit below which it objects to a claim."""
REFUTED = 0.05
"""The most support that a claim can have whose parts stand apart in the passages, or that they deny."""
FOREIGN = "the passages are in another language than the sentence"
"""Why a claim is not scored."""
_CODE = re.compile(r"\b\w*\d(?:[\w.,:]*\w)?")
"""99, K3, 10:30."""
_BARE_WORD = re.compile(r"\W*(?:(?:yes|no|yeah|nope|indeed|correct|right|certainly|exactly)?\W*)", re.IGNORECASE)
"""What says nothing by itself."""
_DIGIT = re.compile(r"\d")
CARRIED = 0.75
"""The least share of a claim's terms in one sentence at which it is said to be in it."""


@dataclass(frozen=True, slots=True)
class Read:
    """A claim with its evidence, and what the network and the comparisons say."""

    claim: Claim
    """Without citations."""
    logit: float
    """That the evidence carries the claim."""
    bare: npt.NDArray[np.float32]
    """For each token of the claim, the probability that the evidence does not carry it."""
    places: Sequence[tuple[int, int]]
    """Of those tokens' words in the claim."""
    comparison: Comparison

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """What the combination weighs, by `NAMES`."""
        marked = float(np.sort(self.bare)[-3:].mean()) if len(self.bare) else 0.0
        carried = self.comparison.values[FEATURES.index("best_sentence")]
        negated = self.comparison.values[FEATURES.index("negation")] and self.logit < DENIED
        contradicted = carried >= CARRIED and (marked >= _BARE or negated)
        return np.array([-np.logaddexp(0.0, -self.logit), marked, contradicted, *self.comparison.values])


NAMES = ("network", "marked", "contradicted", *FEATURES)
"""The network's log-probability; the mean probability of the three tokens most surely not carried; whether a claim
that is otherwise in one sentence has such marks, or a "not" more or less that the network objects to; and the
comparisons."""


class Verifier(Scorer):
    """See `Scorer`. Safe to use from several threads; what it says of a claim does not depend on its neighbours.

    Args:
        folder: With `model.onnx`, `tokenizer.json` and `combination.json`.
        threads: CPU threads; 0 for one a physical core.

    Raises:
        ModelLoadError: A file is missing or cannot be read.
    """

    name = "verifier"

    def __init__(self, folder: Path = WEIGHTS, threads: int = 0) -> None:
        self._streams = threads or psutil.cpu_count(logical=False) or 1
        for needed in ("combination.json", "model.onnx", "tokenizer.json"):
            if not (folder / needed).is_file():
                raise ModelLoadError(f"the verifier lacks {needed}", path=folder, remedy="Install Ragstone again")
        try:
            self._combination = Combination(**json.loads((folder / "combination.json").read_text("utf-8")))
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._network = _compiled(folder / "model.onnx", self._streams)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise ModelLoadError(
                f"the verifier cannot be loaded ({type(error).__name__}: {error})",
                path=folder,
                remedy="Install Ragstone again",
            ) from error
        self.threshold = self._combination.threshold
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._sources: OrderedDict[tuple[str, ...], Source] = OrderedDict()
        self._lock = threading.Lock()

    def score(self, claims: Sequence[str], passages: Sequence[str], context: str = "") -> list[Evidence]:
        """See `Scorer.score`."""
        return [self._judged(read, passages) for read in self.read(claims, passages, context)]

    def whole(self, supports: Sequence[float | None]) -> float | None:
        """See `Scorer.whole`."""
        return self._combination.whole(supports)

    def read(self, claims: Sequence[str], passages: Sequence[str], context: str = "") -> list[Read]:
        """What the network and the comparisons say of each claim; see `score`."""
        source = self._source(passages)
        # Never in the caller's thread: with one stream OpenVINO computes there, and gives back an AMX unit's tiles that
        # llama.cpp takes to be still set up; its next step in that thread would be an illegal instruction.
        with ThreadPoolExecutor(max(1, min(self._streams, len(claims)))) as pool:
            return list(pool.map(lambda claim: self._read(claim, source, context), claims))

    def _read(self, claim: str, source: Source, context: str) -> Read:
        plain = without_citations(_whole(claim))
        claim = plain.text
        evidence = source.select(claim)
        first = self._tokenizer.encode(claim, add_special_tokens=True)
        given = _unclaimed(context[:LONGEST_CONTEXT], claim) if len(claim.split()) < FRAGMENT else ""
        text = written_like(claim, f"{given} {_joined(evidence)}".strip())
        logit, tokens, places = self._infer(first, _whole(text))
        comparison = compare(claim, source, evidence, context, question=given.partition("\n")[0])
        bare = (1 / (1 + np.exp(-tokens))).astype(np.float32)
        for token, (start, end) in enumerate(places):
            if any(start < upto and since < end for since, upto in comparison.given):
                bare[token] = 0.0
        return Read(plain, logit, bare, [_word_around(claim, *place) for place in places], comparison)

    def _infer(
        self, claim: Encoding, evidence: str
    ) -> tuple[float, npt.NDArray[np.float32], Sequence[tuple[int, int]]]:
        end = claim.ids[-1]
        head = [*claim.ids[:-1][: LONGEST_CLAIM - 1], end]
        rest = self._tokenizer.encode(evidence, add_special_tokens=False).ids[: LONGEST - len(head) - 1]
        length = len(head) + len(rest) + 1
        ids = np.zeros((1, min(-(-length // _STEP) * _STEP, LONGEST)), np.int64)
        ids[0, :length] = [*head, *rest, end]
        mask, kinds = np.zeros_like(ids), np.zeros_like(ids)
        mask[0, :length] = 1
        kinds[0, len(head) : length] = 1
        request = self._network.create_infer_request()
        found = request.infer({"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds})
        tokens = np.array(found[1][0, 1 : len(head) - 1], dtype=np.float32)
        return float(found[0][0]), tokens, claim.offsets[1 : len(head) - 1]

    def combined(self, read: Read) -> float:
        """The probability, 0..1, that the evidence carries a claim, by the network and the comparisons."""
        return self._combination.support(read.values)

    def _judged(self, read: Read, passages: Sequence[str]) -> Evidence:
        if _BARE_WORD.fullmatch(read.claim.text):
            return Evidence(None)
        support = self.combined(read)
        refuted = read.comparison.refuted
        if refuted:
            support = min(support, REFUTED)
        elif support < self.threshold and self._may_be_foreign(read, passages):
            return Evidence(None, why=FOREIGN)
        carrier = read.comparison.carrier
        spans: Spans = ()
        if support < self.threshold:
            bare = [place for place, value in zip(read.places, read.bare, strict=True) if value >= _BARE]
            spans = read.claim.located(joined([*bare, *read.comparison.spans, *refuted], GAP))
        if carrier is None:
            return Evidence(support, unsupported=spans)
        return Evidence(support, carrier.passage, carrier.start, carrier.end, spans)

    def _may_be_foreign(self, read: Read, passages: Sequence[str]) -> bool:
        """Whether a claim that the network objects to may be what passages in another language say.

        Numbers are written alike everywhere: one of two digits or more that no passage has speaks against the claim.
        """
        missing = (len(_DIGIT.findall(read.claim.text, start, end)) > 1 for start, end in read.comparison.numbers)
        return not any(missing) and self._source(passages).foreign_to(read.claim.text)

    def _source(self, passages: Sequence[str]) -> Source:
        """The passages made ready; those of the last questions stay so."""
        key = tuple(passages)
        with self._lock:
            if key in self._sources:
                self._sources.move_to_end(key)
                return self._sources[key]
        source = Source(key)
        with self._lock:
            self._sources[key] = source
            while len(self._sources) > _KEPT:
                self._sources.popitem(last=False)
        return source


def _compiled(path: Path, streams: int) -> Any:
    """The network for so many claims at a time.

    Its weights of 8 bits are multiplied out first: OpenVINO 2026.4, left to do so while it runs, dies of a division by
    zero on CPUs with AMX.
    """
    from ...retrieval.quiet_openvino import CORE  # isort: skip  # before anything else of OpenVINO
    from openvino.passes import ConstantFolding, Manager

    model, passes = CORE.read_model(str(path)), Manager()
    passes.register_pass(ConstantFolding())
    passes.run_passes(model)
    hints = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": streams}
    return CORE.compile_model(model, "CPU", hints)


def _whole(text: str) -> str:
    """The text with a question mark for each half of a character, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _unclaimed(context: str, claim: str) -> str:
    """A context without the codes and figures that a claim has, too: the network would take them for said."""
    claimed = set(_CODE.findall(claim.lower()))
    return _CODE.sub(lambda code: "" if code[0].lower() in claimed else code[0], context)


def _word_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The word that a piece of it belongs to."""
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return start, end


def _joined(evidence: Sequence[Unit]) -> str:
    return " ".join(unit.text for unit in evidence)
