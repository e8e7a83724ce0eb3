"""Classifiers of the model hub as judges of claims: of pairs (passage, claim), or of the tokens of an answer."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ModelLoadError
from ..spans import joined
from .claims import CITATION, split_sentences, strip_citations
from .scoring import Evidence, Scorer

_SUPPORTED = re.compile(r"(entail|support|consistent|faithful|factual|grounded)", re.IGNORECASE)
_HALLUCINATED = re.compile(r"(hallucinat|unsupported)", re.IGNORECASE)
_REMEDY = "Name a classifier of pairs with a label such as `entailment`, or one of tokens in LettuceDetect's format"
_LONGEST = 4096
"""Tokens of a context and an answer together that are read at a time."""
_BATCH = 8
_SPECIAL = 8
"""Tokens that a tokenizer adds to a pair, at most."""


def open_hub_judge(folder: Path, name: str = "") -> PairJudge | TokenJudge:
    """The judge that a folder of the hub's form holds.

    Args:
        folder: A transformers model for sequence or token classification. The network is not used.
        name: As reports name it; by default the folder's.

    Raises:
        ModelLoadError: It is another kind of model, needs code of its own, lacks weights, or has no label that says
            "supported".
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelLoadError(f"there is no model in it ({error})", path=folder, remedy=_REMEDY) from error
    architectures = config.get("architectures") or []
    for kind in (PairJudge, TokenJudge):
        if any(one.endswith(kind.architecture) for one in architectures):
            return kind(folder, name or folder.name)
    raise ModelLoadError(
        f"this is no classifier but {', '.join(architectures) or 'a model of unknown kind'}",
        path=folder,
        remedy=_REMEDY,
    )


@dataclass(frozen=True, slots=True)
class _Window:
    """Neighbouring sentences of a passage that fit the model beside a claim."""

    passage: int
    start: int
    end: int
    text: str


class PairJudge(Scorer):
    """A cross-encoder of (passage, claim), trained for entailment or consistency, such as HHEM.

    Each passage is read in windows of whole sentences that fit the model; the support is that of the best window
    (Laban et al., "SummaC", TACL 2022: the zero-shot form), which is the evidence. What only two passages together
    carry is therefore not seen. It computes in fp32, on the GPU when torch sees one. One thread at a time.
    """

    architecture = "ForSequenceClassification"
    threshold = 0.5

    def __init__(self, folder: Path, name: str) -> None:
        self.name = f"hub:{name}"
        self._loaded = _Loaded(folder, self.architecture)
        self._label = _supported_label(self._loaded.labels, folder)
        self._guard = threading.Lock()

    def score(self, claims: Sequence[str], passages: Sequence[str], context: str = "") -> list[Evidence]:
        """See `Scorer.score`. The context goes before each passage, as a line of its own, unless it takes more than a
        quarter of what the model reads. A claim that takes more than half of it is unscored."""
        limit, found = self._loaded.limit, [Evidence(0.0 if not passages else None) for _ in claims]
        with self._guard:
            stripped = [strip_citations(claim) for claim in claims]
            lengths = [self._loaded.count(claim) for claim in stripped]
            read = [place for place, length in enumerate(lengths) if length <= limit // 2]
            given = self._loaded.count(context)
            context, given = (context, given) if given <= limit // 4 else ("", 0)
            windows = (
                list(self._windows(passages, limit - max(lengths[place] for place in read) - given - _SPECIAL))
                if read
                else []
            )
            supports = iter(self._supports([(f"{context}\n{w.text}", stripped[p]) for p in read for w in windows]))
        for place in read if windows else ():
            support, window = max(((next(supports), window) for window in windows), key=lambda pair: pair[0])
            found[place] = Evidence(support, window.passage, window.start, window.end)
        return found

    def _windows(self, passages: Sequence[str], room: int) -> Iterator[_Window]:
        for number, passage in enumerate(passages):
            start, end, tokens = 0, 0, 0
            for sentence in split_sentences(passage):
                count = self._loaded.count(sentence.text)
                if tokens and tokens + count > room:
                    yield _Window(number, start, end, passage[start:end])
                    tokens = 0
                start, end = (start if tokens else sentence.start), sentence.end
                tokens += count
            if tokens:
                yield _Window(number, start, end, passage[start:end])

    def _supports(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The probability of "supported" of each pair; those of like length are read together."""
        import torch

        order = sorted(range(len(pairs)), key=lambda place: sum(map(len, pairs[place])))
        supports = [0.0] * len(pairs)
        for begin in range(0, len(order), _BATCH):
            places = order[begin : begin + _BATCH]
            logits = self._loaded.logits([pairs[p][0] for p in places], [pairs[p][1] for p in places])[0]
            if logits.shape[1] == 1:
                probabilities = torch.sigmoid(logits[:, 0])
            else:
                probabilities = torch.softmax(logits, dim=1)[:, self._label]
            for place, probability in zip(places, probabilities.tolist(), strict=True):
                supports[place] = float(probability)
        return supports


class TokenJudge(Scorer):
    """A classifier of an answer's tokens, given the question and the passages, in LettuceDetect's format.

    The claims are read together, as an answer is; a claim is as unsupported as its most suspect token, and the
    unsupported span is where tokens reach one half.

    Source: Kovács and Recski, "LettuceDetect: A Hallucination Detection Framework for RAG Applications", 2025; the
    prompts are those of RAGTruth that it was trained with.
    """

    architecture = "ForTokenClassification"
    threshold = 0.5

    def __init__(self, folder: Path, name: str) -> None:
        self.name = f"hub:{name}"
        self._loaded = _Loaded(folder, self.architecture)
        found = [place for place, label in self._loaded.labels.items() if _HALLUCINATED.search(label)]
        self._label = found[0] if found else 1
        if self._label not in self._loaded.labels:
            raise ModelLoadError("this model has no class for what is hallucinated", path=folder, remedy=_REMEDY)
        self._guard = threading.Lock()

    def score(self, claims: Sequence[str], passages: Sequence[str], context: str = "") -> list[Evidence]:
        """See `Scorer.score`. The context is the question; without one the passages were to be summarized. What does
        not fit of the passages is cut at their end. A claim that takes more than half of what the model reads is
        unscored."""
        if not passages:
            return [Evidence(0.0) for _ in claims]
        found = [Evidence(None) for _ in claims]
        # Citations become blanks, so that offsets stay.
        texts = [re.sub(CITATION, lambda match: " " * len(match.group()), claim) for claim in claims]
        with self._guard:
            for group in self._groups(texts):
                judged = self._judged(_asked(passages, context), [texts[place] for place in group])
                for place, evidence in zip(group, judged, strict=True):
                    found[place] = evidence
        return found

    def _groups(self, claims: Sequence[str]) -> Iterator[list[int]]:
        """The places of claims that are read together, which leave half of the room to the passages."""
        group: list[int] = []
        tokens, most = 0, self._loaded.limit // 2 - _SPECIAL
        for place, claim in enumerate(claims):
            count = self._loaded.count(claim) + 1
            if count > most:
                continue
            if tokens + count > most:
                yield group
                group, tokens = [], 0
            group.append(place)
            tokens += count
        if group:
            yield group

    def _judged(self, prompt: str, claims: Sequence[str]) -> list[Evidence]:
        import torch

        answer = " ".join(claims)
        logits, encoded = self._loaded.logits([prompt], [answer])
        suspicions = torch.softmax(logits[0], dim=1)[:, self._label].tolist()
        tokens = [
            (start, end, suspicion)
            for suspicion, (start, end), part in zip(
                suspicions, encoded["offset_mapping"][0].tolist(), encoded.sequence_ids(0), strict=True
            )
            if part == 1 and end > start
        ]
        found, start = [], 0
        for claim in claims:
            end = start + len(claim)
            own = [(max(a, start) - start, min(b, end) - start, p) for a, b, p in tokens if a < end and start < b]
            spans = joined([(a, b) for a, b, p in own if p >= 0.5], gap=1)
            found.append(Evidence(1 - max(p for _, _, p in own), unsupported=spans) if own else Evidence(None))
            start = end + 1
        return found


class _Loaded:
    """A classifier and its tokenizer."""

    def __init__(self, folder: Path, kind: str) -> None:
        import torch
        import transformers
        from safetensors import SafetensorError

        options = {"local_files_only": True, "trust_remote_code": False}
        try:
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(str(folder), **options)
            model, told = getattr(transformers, f"AutoModel{kind}").from_pretrained(
                str(folder), dtype=torch.float32, use_safetensors=True, output_loading_info=True, **options
            )
        except (OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError) as error:
            raise ModelLoadError(
                f"transformers cannot load this classifier ({(str(error).splitlines() or ['?'])[0]})",
                path=folder,
                remedy=_REMEDY,
            ) from error
        if lacking := sorted(told["missing_keys"]):  # transformers has drawn them at random
            raise ModelLoadError(f"its weights lack {', '.join(lacking)}", path=folder, remedy=_REMEDY)
        if not self.tokenizer.is_fast:
            raise ModelLoadError("its tokenizer tells no offsets", path=folder, remedy=_REMEDY)
        self._model: Any = model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        self.labels = {int(place): str(label) for place, label in model.config.id2label.items()}
        positions = getattr(model.config, "max_position_embeddings", None) or _LONGEST
        self.limit = min(_LONGEST, positions, self.tokenizer.model_max_length)

    def count(self, text: str) -> int:
        """The tokens of a text."""
        return len(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def logits(self, first: list[str], second: list[str]) -> tuple[Any, Any]:
        """What the model gives for pairs, on the CPU, and the pairs as tokens. Where a pair is too long, the first
        text is cut."""
        import torch

        encoded = self.tokenizer(
            first,
            second,
            truncation="only_first",
            max_length=self.limit,
            padding=True,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        inputs = {name: encoded[name].to(self._model.device) for name in self.tokenizer.model_input_names}
        with torch.inference_mode():
            return self._model(**inputs).logits.float().cpu(), encoded


def _supported_label(labels: dict[int, str], folder: Path) -> int:
    """Which class says that the claim is supported; the only one of a model with one output."""
    if len(labels) == 1:
        return 0
    found = [place for place, label in labels.items() if _SUPPORTED.match(label)]
    if len(found) != 1:
        raise ModelLoadError(
            f"none or several of its labels ({', '.join(labels.values())}) say that a claim is supported",
            path=folder,
            remedy="Name that label `entailment` in `id2label` of its config.json",
        )
    return found[0]


def _asked(passages: Sequence[str], question: str) -> str:
    """The context as the models of LettuceDetect have seen it: the prompt that the answer was written for."""
    if not question:
        return "\n".join(["Summarize the following text:", *passages, "output:"])
    listed = "\n".join(f"passage {number}: {text}" for number, text in enumerate(passages, 1))
    return (
        f"Briefly answer the following question:\n{question}\nBear in mind that your response should be strictly based "
        f"on the following {len(passages)} passages:\n{listed}\nIn case the passages do not contain the necessary "
        'information to answer the question, please reply with: "Unable to answer based on given passages."\noutput:'
    )
