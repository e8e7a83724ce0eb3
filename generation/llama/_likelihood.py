"""How likely a model finds continuations of contexts: what they share is read once, and several are read together."""

from __future__ import annotations

import itertools
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import llama_cpp
import numpy as np
import numpy.typing as npt

from ...errors import ContextOverflowError, GenerationError
from ._context import Context, Node
from ._drawing import Logits
from ._weights import Weights

log = logging.getLogger(__name__)

SEQUENCES = 64
"""That are read together at most."""
TOKENS = 256
"""That are read together at most, and logits that are held in memory; more make each attend to more that is not its."""

TokenRequest = tuple[Sequence[int], Sequence[int]]
"""The tokens of a context, at least one, and of its continuation, at least one."""


@dataclass(frozen=True, slots=True)
class LogLikelihood:
    """How likely a continuation is after its context."""

    value: float
    """The natural logarithm of its probability: the sum over its tokens, at most 0."""
    tokens: int
    """Of the continuation."""
    greedy: bool
    """Whether each of its tokens is the likeliest in its place."""
    cut: int = 0
    """Tokens that the context lost at its beginning, because both did not fit."""


def encoded(weights: Weights, context: str, continuation: str) -> TokenRequest:
    """The tokens of a context and its continuation.

    White space at the context's end goes to the continuation; then both together are made tokens, and cut where the
    context alone would end. After an empty context the continuation follows the token of a text's beginning, or of its
    end where the model has none. Special tokens in the text are what they stand for.

    Source: `TemplateLM.loglikelihood` and `_encode_pair` of lm-evaluation-harness 0.4.13, `lm_eval/api/model.py`.

    Raises:
        GenerationError: The continuation adds no token to the context.
    """
    if context:
        kept = context.rstrip()
        before = weights.opened(kept)
        after = weights.opened(context + continuation)[len(before) :]
        if not before:  # nothing but white space, of a model that opens texts with no token
            before = [weights.prefix]
    else:
        before, after = [weights.prefix], weights.tokenize(continuation, special=True)
        if after[:1] == before:
            after = after[1:]
    if not after:
        raise GenerationError(
            "a continuation adds no token to its context",
            remedy="Let the context end, and the continuation begin, where a word does",
        )
    return before, after


def log_likelihoods_of(
    context: Context,
    weights: Weights,
    requests: Sequence[TokenRequest],
    most: int,
    on_request: Callable[[int, int], None] = lambda *_: None,
) -> list[LogLikelihood]:
    """See `LlamaModel.token_log_likelihoods`.

    Args:
        context: Empty, with a unified memory; used by nobody else.
        weights: Of the model.
        requests: See `TokenRequest`.
        most: Tokens that the model reads of a request.
        on_request: Told how many are done, of how many.
    """
    tree = _Tree([_fitting(request, most) for request in requests], shares=weights.cuts)
    sums, greedy = np.zeros(len(requests)), np.ones(len(requests), dtype=np.bool_)
    done, last = 0, 0
    for group in tree.groups(context.sequences, context.batch_tokens):
        _begin(context, last, tree.shared[group.start : group.stop])
        for nodes, asked in _batches(tree.nodes(group), context.batch_tokens):
            rows = context.read_tree(nodes)
            for row, questions in zip(rows, asked, strict=True):
                _answer(row, questions, sums, greedy)
        done, last = done + sum(tree.requests[group.start : group.stop]), len(group) - 1
        on_request(done, len(requests))
    lost = [max(0, len(before) + len(after) - most - 1) for before, after in requests]
    if cut := sum(map(bool, lost)):
        log.warning("%d of %d contexts were cut at their beginning, to %d tokens", cut, len(requests), most)
    return [
        LogLikelihood(float(value), len(after), bool(right), count)
        for value, right, count, (_, after) in zip(sums, greedy, lost, requests, strict=True)
    ]


def tree_params(params: llama_cpp.llama_context_params, weights: Weights, longest: int) -> None:
    """Make a model's parameters those of a context for requests of which the longest has so many tokens."""
    params.n_ctx, params.n_batch, params.n_ubatch = longest + TOKENS, TOKENS, TOKENS
    params.n_seq_max = SEQUENCES if weights.cuts else 1
    params.kv_unified = True
    params.n_outputs_max = TOKENS


def _fitting(request: TokenRequest, most: int) -> tuple[list[int], int]:
    """What is read for a request, and in which place its first token is foretold."""
    before, after = request
    if not before or not after:
        raise GenerationError("a context or a continuation has no token", remedy="Give each at least one")
    if len(after) > most:
        raise ContextOverflowError(
            f"a continuation of {len(after)} tokens exceeds the context of {most}",
            remedy="Shorten it or raise context_tokens",
        )
    whole = [*before, *after][-(most + 1) :]
    return whole, len(whole) - len(after) - 1


@dataclass(frozen=True, slots=True)
class _Question:
    """That a request asks of the logits in a place: how likely is this token?"""

    request: int
    token: int


class _Tree:
    """What is to be read, in the order of its tokens: each leaf shares its beginning with the one before it.

    Args:
        requests: The tokens of each, and in which place the first of its continuation is foretold.
        shares: Whether what leaves share is read once, and not with each of them.
    """

    def __init__(self, requests: Sequence[tuple[list[int], int]], *, shares: bool) -> None:
        read = [tuple(whole[:-1]) for whole, _ in requests]
        self.leaves = sorted(set(read))
        self.shared = [0] * len(self.leaves)
        """Tokens of each that it shares with the one before."""
        if shares:
            self.shared[1:] = [_common(a, b) for a, b in zip(self.leaves, self.leaves[1:], strict=False)]
        self.requests = [0] * len(self.leaves)
        self._questions: dict[tuple[int, int], list[_Question]] = defaultdict(list)
        of_leaf: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, tokens in enumerate(read):
            of_leaf[tokens].append(number)
        readers: list[int] = []
        for leaf, (tokens, shared) in enumerate(zip(self.leaves, self.shared, strict=True)):
            readers[shared:] = [leaf] * (len(tokens) - shared)
            self.requests[leaf] = len(of_leaf[tokens])
            for number in of_leaf[tokens]:
                whole, first = requests[number]
                for place in range(first, len(tokens)):
                    self._questions[readers[place], place].append(_Question(number, whole[place + 1]))

    def groups(self, sequences: int, tokens: int) -> Iterator[range]:
        """Leaves that are read together: so many, and so many tokens that are new with them, or one."""
        start, new = 0, 0
        for leaf, (whole, shared) in enumerate(zip(self.leaves, self.shared, strict=True)):
            own = len(whole) - shared
            if leaf > start and (leaf - start == sequences or new + own > tokens):
                yield range(start, leaf)
                start, new = leaf, 0
            new += own
        if self.leaves:
            yield range(start, len(self.leaves))

    def nodes(self, group: range) -> Iterator[tuple[Node, list[_Question]]]:
        """What is new with a group, and what is asked there; the group's leaves are sequences 0, 1, ..."""
        for leaf in group:
            tokens, start = self.leaves[leaf], self.shared[leaf]
            ends, common = [leaf + 1] * len(tokens), len(tokens)
            for other in range(leaf + 1, group.stop):
                common = min(common, self.shared[other])
                if common <= start:
                    break
                ends[start:common] = [other + 1] * (common - start)
            for place in range(start, len(tokens)):
                questions = self._questions.get((leaf, place), [])
                sequences = range(leaf - group.start, ends[place] - group.start)
                yield Node(tokens[place], place, sequences, bool(questions)), questions


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences share at their beginning."""
    return next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _begin(context: Context, last: int, shared: Sequence[int]) -> None:
    """Keep of the memory what leaves share with the one that was read last, in that sequence."""
    counts = np.minimum.accumulate(shared).tolist()
    if counts[0]:
        context.branch(last, counts)
    else:
        context.clear()


def _batches(
    nodes: Iterator[tuple[Node, list[_Question]]], tokens: int
) -> Iterator[tuple[list[Node], list[list[_Question]]]]:
    """As many nodes together as llama.cpp reads, and what is asked in those whose logits are wanted."""
    while batch := list(itertools.islice(nodes, tokens)):
        yield [node for node, _ in batch], [questions for _, questions in batch if questions]


def _answer(
    logits: Logits, questions: Sequence[_Question], sums: npt.NDArray[np.float64], greedy: npt.NDArray[np.bool_]
) -> None:
    """Add what the logits of a place, which are overwritten, tell to those who ask."""
    likeliest = int(logits.argmax())
    top = logits[likeliest]
    asked = [float(logits[question.token] - top) for question in questions]
    np.subtract(logits, top, out=logits)
    np.exp(logits, out=logits)
    total = float(np.log(logits.sum(dtype=np.float64)))
    for question, value in zip(questions, asked, strict=True):
        sums[question.request] += value - total
        greedy[question.request] &= question.token == likeliest
