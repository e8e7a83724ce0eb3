"""Whether passages can be read beforehand, each alone, and put together in any order: how soon an answer begins, and
what it is worth.

    python benchmarks/passage_states.py [--questions N] [--model M] [--out FILE.json]

Questions of NQ-open over a pool of 1,000 passages, four to a prompt. The keys and values of each passage, read alone
after the system prompt, are kept; for a prompt they are put one after the other, and their positions are moved to where
they stand there, which turns the keys by the difference (rotary embeddings, Su et al., 2021). No passage then knows of
those before it. Sources: Lu et al., "TurboRAG", 2024, who train the model for it, which we do
not; Yao et al., "CacheBlend", EuroSys 2025, who read the tokens anew that differ most; Hu et al., "EPIC", ICML 2025,
who read the first ones of each passage anew, as `heads` does.

    whole            the prompt is read, and nothing of it is known
    system known     ... but what stands before the passages: as our engine does
    states           each passage's state is put in its place; only what follows the passages is read
    heads N          ... but the first N tokens of each passage are read in their place
    last two         ... but the last two passages are read in their place

The ways take turns, and begin with another one at each question. The text is what the model finds likeliest; nothing
is withdrawn. A passage's state is that under its number in the prompt, so one that serves any order would have to bring
the number in another way; and it is kept in memory: reading it from a disk comes on top.

Before that it is checked that the states do what they should: a single passage in its own place, and a prompt that is
moved as a whole, have to give the logits that reading gives, within rounding.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

import llama_cpp
import numpy as np
import numpy.typing as npt
from _answering import nq_library, read_nq
from _timing import table

from ragstone.eval.metrics.answers import best_subspan_em, token_f1
from ragstone.eval.stats import compare, estimate
from ragstone.generation.context import Asking, pack
from ragstone.generation.llama import physical_cores
from ragstone.generation.llama._context import BATCH, Context
from ragstone.generation.llama._pace import Pace
from ragstone.generation.llama._weights import Weights
from ragstone.generation.prompts import Prompts
from ragstone.generation.sampling import Message
from ragstone.generation.trimming import Economy
from ragstone.retrieval.records import Hit

MOST = 64
"""Tokens of an answer."""
ROUNDING = 1.0
"""The largest difference of a logit that reading the same in another way makes; see `rounding.py`."""
MOVED = 100
"""Places that the check moves a prompt by."""

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pieces:
    """The tokens of a prompt."""

    before: list[int]
    passages: list[list[int]]
    after: list[int]

    @property
    def whole(self) -> list[int]:
        return [*self.before, *(token for passage in self.passages for token in passage), *self.after]


@dataclass(frozen=True)
class State:
    """What was read of a passage."""

    data: bytes
    start: int
    """The position of its first token."""
    tokens: list[int]


class Memory(Context):
    """A context whose sequence 0 is put together; sequence 1 is for what comes in."""

    length = 0

    def start(self, count: int) -> None:
        """Forget all but the first tokens."""
        assert self.cut(0, count)
        self.length = count

    def add(self, tokens: Sequence[int]) -> Logits:
        """Read tokens at the end; the logits after them."""
        rows: list[Logits] = []
        for at in range(0, len(tokens), self.batch_tokens):
            part = list(tokens[at : at + self.batch_tokens])
            (rows,) = self.read([(0, self.length, part, 1)])
            self.length += len(part)
        return rows[0]

    def taken(self, start: int, tokens: Sequence[int]) -> State:
        """What the memory holds from a position on, which are these tokens."""
        llama_cpp.llama_memory_seq_cp(self._memory, 0, 1, start, -1)
        size = llama_cpp.llama_state_seq_get_size(self._context, 1)
        data = (ctypes.c_uint8 * size)()
        assert llama_cpp.llama_state_seq_get_data(self._context, data, size, 1) == size
        self.cut(1, 0)
        return State(bytes(data), start, list(tokens))

    def put(self, state: State, skip: int = 0) -> None:
        """Add what was read of a passage, without its first tokens, where the memory ends; these are there already."""
        data = (ctypes.c_uint8 * len(state.data)).from_buffer_copy(state.data)
        assert llama_cpp.llama_state_seq_set_data(self._context, data, len(state.data), 1)
        llama_cpp.llama_memory_seq_rm(self._memory, 1, state.start, state.start + skip)
        self._move(1, self.length - skip - state.start)
        llama_cpp.llama_memory_seq_cp(self._memory, 1, 0, -1, -1)
        self.cut(1, 0)
        self.length += len(state.tokens) - skip

    def move(self, by: int) -> None:
        """Move all that there is to later positions."""
        self._move(0, by)
        self.length += by

    def _move(self, sequence: int, by: int) -> None:
        assert llama_cpp.llama_memory_can_shift(self._memory), "positions of this model cannot be moved"
        llama_cpp.llama_memory_seq_add(self._memory, sequence, -1, -1, by)


@dataclass
class Row:
    """What a way gave, question by question."""

    seconds: list[float] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    """Tokens."""
    texts: list[str] = field(default_factory=list)
    correct: list[float] = field(default_factory=list)


@dataclass
class Measured:
    """What there is so far."""

    rows: dict[str, Row]
    passage_tokens: list[int] = field(default_factory=list)
    """Of the passages of a prompt."""
    token_bytes: list[float] = field(default_factory=list)
    """Of the state of a passage, for each of its tokens."""


def main() -> None:
    """Check, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--out", type=Path, help="where the rows are written as they come, as JSON")
    args = parser.parse_args()
    rows = read_nq()[0][:1000]
    with nq_library(rows, args.model) as rag:
        asked = [(row["question"], row["answers"], rag.search(row["question"], 4)) for row in rows[: args.questions]]
        path, context_tokens = rag.models.path(rag.settings.model), rag.settings.context_tokens
    with opened(path, context_tokens) as (weights, memory):
        found = [
            (pieces_of(weights, prompt(weights, question, hits), len(hits)), right) for question, right, hits in asked
        ]
        check(memory, found[0][0])
        for number, measured in enumerate(measure(weights, memory, found), 1):
            if args.out:
                args.out.write_text(json.dumps(asdict(measured)), "utf-8")
            if number % 5 == 0:
                print(f"{number} of {len(found)}", flush=True)
    show(measured)


@contextmanager
def opened(path: Path, tokens: int) -> Iterator[tuple[Weights, Memory]]:
    """A model, and a memory that its sequences share; otherwise as the engine has it."""
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max = tokens, BATCH, BATCH, 2
    params.kv_unified, params.flash_attn_type = True, 0
    params.n_threads = params.n_threads_batch = physical_cores()
    weights = Weights(path, 0, params)
    memory = Memory(weights, params, Pace(physical_cores()))
    try:
        yield weights, memory
    finally:
        memory.close()
        weights.close()


def prompt(weights: Weights, question: str, hits: list[Hit]) -> list[int]:
    """The tokens of a prompt with all its passages."""

    def count(messages: Sequence[Message]) -> int:
        return len(weights.render(messages))

    return weights.render(pack(question, hits, count, 1 << 20, Asking.of(Prompts()), Economy()).prompt)


def pieces_of(weights: Weights, tokens: list[int], count: int) -> Pieces:
    """A prompt's tokens, cut where its passages begin, so many, and where the question does."""
    texts = [weights.piece(token) for token in tokens]
    whole, starts = b"".join(texts), np.cumsum([0, *map(len, texts)])[:-1]
    places = [whole.index(f"\n[{n}] (".encode()) + 1 for n in range(1, count + 1)]
    places.append(whole.rindex(b"\nQuestion: ") + 1)
    bounds = [int(bound) for bound in np.searchsorted(starts, places)]
    passages = [tokens[one:other] for one, other in pairwise(bounds)]
    return Pieces(tokens[: bounds[0]], passages, tokens[bounds[-1] :])


def measure(weights: Weights, memory: Memory, found: Sequence[tuple[Pieces, list[str]]]) -> Iterator[Measured]:
    """Every way for every question: what there is after each of them."""
    measured = Measured({name: Row() for name in WAYS})
    memory.start(0)
    memory.add(found[0][0].before)
    for number, (pieces, references) in enumerate(found):
        assert pieces.before == found[0][0].before
        states = list(read_alone(memory, pieces))
        measured.passage_tokens.append(sum(len(state.tokens) for state in states))
        measured.token_bytes += [len(state.data) / len(state.tokens) for state in states]
        names = list(WAYS)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.perf_counter()
            logits, read = WAYS[name](memory, pieces, states)
            token = int(logits.argmax())
            row = measured.rows[name]
            row.seconds.append(time.perf_counter() - started)
            row.read.append(read)
            row.texts.append(written(weights, memory, token))
            row.correct.append(best_subspan_em(row.texts[-1], references))
        yield measured


def read_alone(memory: Memory, pieces: Pieces) -> Iterator[State]:
    """What is read of each passage when nothing but the system prompt stands before it."""
    for passage in pieces.passages:
        memory.start(len(pieces.before))
        memory.add(passage)
        yield memory.taken(len(pieces.before), passage)


def written(weights: Weights, memory: Memory, token: int) -> str:
    """What the model writes, from its first token on."""
    text = b""
    for _ in range(MOST):
        if weights.ends(token):
            break
        text += weights.piece(token)
        token = int(memory.add([token]).argmax())
    return text.decode("utf-8", "replace")


# The ways to read a prompt: the logits after it, and how many tokens were read


def whole(memory: Memory, pieces: Pieces, _: Sequence[State]) -> tuple[Logits, int]:
    """Nothing is known."""
    memory.start(0)
    return memory.add(pieces.whole), len(pieces.whole)


def composed(
    memory: Memory, pieces: Pieces, states: Sequence[State], heads: int = 0, last: int = 0
) -> tuple[Logits, int]:
    """Passages are put in their places.

    Args:
        memory: Holds what stands before the passages.
        pieces: Of the prompt.
        states: Of the passages.
        heads: Tokens of each passage that are read in their place; the first one has no other.
        last: Passages at the end that are read in their place.
    """
    memory.start(len(pieces.before))
    known, read = len(states) - last, 0
    for number, state in enumerate(states[:known]):
        skip = min(heads, len(state.tokens)) if number else 0
        if skip:
            memory.add(state.tokens[:skip])
        memory.put(state, skip)
        read += skip
    rest = [token for passage in pieces.passages[known:] for token in passage] + pieces.after
    return memory.add(rest), read + len(rest)


Way = Callable[[Memory, Pieces, Sequence[State]], tuple[Logits, int]]
WAYS: dict[str, Way] = {
    "whole": whole,
    "system known": partial(composed, last=4),
    "states": composed,
    "heads 8": partial(composed, heads=8),
    "heads 32": partial(composed, heads=32),
    "last two": partial(composed, last=2),
}


def check(memory: Memory, pieces: Pieces) -> None:
    """Tell how far the logits are from those of reading; end the program where they are further than rounding."""
    one = Pieces(pieces.before, pieces.passages[:1], pieces.after)
    read = whole(memory, one, ())[0].copy()
    memory.start(len(one.before))
    alone = list(read_alone(memory, one))
    found = {"a passage in its own place": gap(read, composed(memory, one, alone)[0])}
    memory.start(len(one.before))
    found["the same, read in two parts"] = gap(read, memory.add([*one.passages[0], *one.after]))
    memory.start(0)
    memory.add([*one.before, *one.passages[0]])
    memory.move(MOVED)
    found[f"the prompt moved by {MOVED}"] = gap(read, memory.add(one.after))
    for name, difference in found.items():
        print(f"largest difference of a logit: {name}: {difference:.3f}")
    if max(found.values()) > ROUNDING:
        sys.exit("The states do not do what they should.")


def gap(one: Logits, other: Logits) -> float:
    """The largest difference."""
    return float(np.abs(one - other).max())


def show(measured: Measured) -> None:
    """Print the table."""
    rows = measured.rows
    base, before = rows["whole"], rows["system known"]
    cells = []
    for name, row in rows.items():
        pairs = list(zip(row.texts, base.texts, strict=True))
        cells.append(
            [
                name,
                f"{sum(row.read) / len(row.read):.0f}",
                str(estimate(row.seconds)),
                str(estimate([known / now for known, now in zip(before.seconds, row.seconds, strict=True)])),
                str(estimate(row.correct)),
                "" if row is base else str(compare(row.correct, base.correct).mean),
                "" if row is base else str(estimate([float(one == other) for one, other in pairs])),
                "" if row is base else str(estimate([token_f1(one, [other]) for one, other in pairs])),
            ]
        )
    head = ["way", "tokens read", "first token, s", "times as fast as system known", "answered right", "difference"]
    print(table([*head, "same text", "F1 with whole"], cells))
    tokens, size = (sum(of) / len(of) for of in (measured.passage_tokens, measured.token_bytes))
    print(f"The passages of a prompt have {tokens:.0f} tokens; a token's state takes {size:,.0f} bytes.")


if __name__ == "__main__":
    main()
