"""From logits to a token."""

from __future__ import annotations

import ctypes
import json
from typing import Any

import llama_cpp
import numpy as np
import numpy.typing as npt
from llama_cpp.llama_grammar import json_schema_to_gbnf

from ...errors import GenerationError
from ..sampling import Sampling
from ._log import Collected
from ._weights import Weights

Logits = npt.NDArray[np.float32]

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])  # llama_token_data of llama.h
_LEAST = 1


class Drawing:
    """Draws the tokens of one answer. To be closed after it.

    Raises:
        GenerationError: The grammar or the schema cannot be used.
    """

    def __init__(self, weights: Weights, sampling: Sampling) -> None:
        self._size = weights.vocabulary_size
        self._grammar = _grammar(weights, sampling)
        self._chain = None if _plain(sampling) else _chain(self._size, sampling)

    def close(self) -> None:
        """Free what llama.cpp holds for it."""
        for sampler in (self._grammar, self._chain):
            if sampler is not None:
                llama_cpp.llama_sampler_free(sampler)
        self._grammar = self._chain = None

    def draw(self, logits: Logits) -> int:
        """The next token, by its logits of shape (vocabulary,)."""
        token = self._choice(logits, constrained=False)
        if self._grammar is not None:
            # The grammar looks at one token where it can, and at all only where the likeliest will not do.
            if not self._allows(token):
                token = self._choice(logits, constrained=True)
            llama_cpp.llama_sampler_accept(self._grammar, token)
        if self._chain is not None:
            llama_cpp.llama_sampler_accept(self._chain, token)
        return token

    def _choice(self, logits: Logits, *, constrained: bool) -> int:
        if self._chain is None and not constrained:
            return int(logits.argmax())
        candidates = np.empty(self._size, _CANDIDATE)
        candidates["id"], candidates["logit"], candidates["p"] = np.arange(self._size), logits, 0
        array = _array(candidates)
        if constrained:
            llama_cpp.llama_sampler_apply(self._grammar, ctypes.byref(array))
        if self._chain is None:
            return int(candidates["logit"].argmax())
        llama_cpp.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)

    def _allows(self, token: int) -> bool:
        one = np.array([(token, 1.0, 0.0)], _CANDIDATE)
        llama_cpp.llama_sampler_apply(self._grammar, ctypes.byref(_array(one)))
        return bool(np.isfinite(one["logit"][0]))


def log_softmax(logits: Logits) -> npt.NDArray[np.float64]:
    """The natural logarithms of the probabilities that logits stand for, in their shape."""
    wide = logits.astype(np.float64)
    wide -= wide.max()
    return np.asarray(wide - np.log(np.exp(wide).sum()))


def _array(candidates: npt.NDArray[np.void]) -> llama_cpp.llama_token_data_array:
    data = candidates.ctypes.data_as(llama_cpp.llama_token_data_p)
    return llama_cpp.llama_token_data_array(data=data, size=len(candidates), selected=-1, sorted=False)


def _plain(sampling: Sampling) -> bool:
    """Whether it is the likeliest token that is taken, as it stands."""
    return not (sampling.temperature or sampling.mirostat or _penalizes(sampling))


def _penalizes(s: Sampling) -> bool:
    return bool(s.penalty_tokens) and (s.repeat_penalty, s.presence_penalty, s.frequency_penalty) != (1.0, 0.0, 0.0)


def _chain(size: int, s: Sampling) -> Any:
    parts = []
    if _penalizes(s):
        penalties = (s.penalty_tokens, s.repeat_penalty, s.frequency_penalty, s.presence_penalty)
        parts.append(llama_cpp.llama_sampler_init_penalties(size, *penalties))
    if not s.temperature and not s.mirostat:
        parts.append(llama_cpp.llama_sampler_init_greedy())
    elif s.mirostat:
        parts.append(llama_cpp.llama_sampler_init_temp(s.temperature or 1.0))
        if s.mirostat == 1:
            considered = 100  # tokens that the exponent of Zipf's law is estimated by, as in the paper
            parts.append(
                llama_cpp.llama_sampler_init_mirostat(size, s.seed, s.mirostat_tau, s.mirostat_eta, considered)
            )
        else:
            parts.append(llama_cpp.llama_sampler_init_mirostat_v2(s.seed, s.mirostat_tau, s.mirostat_eta))
    else:
        parts += [
            llama_cpp.llama_sampler_init_top_k(s.top_k),
            llama_cpp.llama_sampler_init_typical(s.typical_p, _LEAST),
            llama_cpp.llama_sampler_init_top_p(s.top_p, _LEAST),
            llama_cpp.llama_sampler_init_min_p(s.min_p, _LEAST),
            llama_cpp.llama_sampler_init_temp(s.temperature),
            llama_cpp.llama_sampler_init_dist(s.seed),
        ]
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    for part in parts:
        llama_cpp.llama_sampler_chain_add(chain, part)
    return chain


def _grammar(weights: Weights, sampling: Sampling) -> Any:
    text = sampling.grammar
    if sampling.schema is not None:
        try:
            text = json_schema_to_gbnf(json.dumps(sampling.schema))
        except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise GenerationError(
                f"the JSON schema cannot be made a grammar ({type(error).__name__}: {error})",
                remedy="Use objects, arrays, enumerations, strings, numbers and booleans",
            ) from error
    if not text:
        return None
    with Collected() as said:
        grammar = llama_cpp.llama_sampler_init_grammar(weights.vocab, text.encode(), b"root")
    if not grammar:
        reason = next((line for line in said.text.splitlines() if line.strip()), "it gives no reason")
        raise GenerationError(
            f"llama.cpp refuses the grammar ({reason.strip()})", remedy="Correct it; its first rule is named root"
        )
    return grammar
