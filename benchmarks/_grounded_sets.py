"""What the benchmarks of the verifier's rules share: the sets that people labelled, and what a rule tells of them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from _timing import table

from ragstone.eval.readers.grounding import GroundedAnswer
from ragstone.eval.stats import estimate
from ragstone.eval.suites.grounding import GROUNDING
from ragstone.generation.grounding.claims import strip_citations
from ragstone.generation.grounding.evidence import Source
from ragstone.generation.grounding.segments import split_segments
from ragstone.generation.grounding.verifier import Verifier

SETS = ("wice", "wice-dev", "factcheckgpt", "ragtruth-summary", "summedits")

Answers = dict[str, tuple[GroundedAnswer, ...]]


def read_answers(description: str | None) -> Answers:
    """The answers of each set, in the folder that the command line or the environment names."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("RAGSTONE_BENCH_DATA"))
    data = parser.parse_args().data
    if data is None:
        parser.error("--data, or RAGSTONE_BENCH_DATA, names the folder of benchmark data")
    sets = {one.name: one for one in GROUNDING.sets}
    return {name: tuple(sets[name].load(Path(data)).answers) for name in SETS}


def passages_of(answers: Answers) -> list[str]:
    """Each passage once."""
    return list(dict.fromkeys(passage for of in answers.values() for answer in of for passage in answer.passages))


Pair = tuple[str, str, str]
"""A passage, a sentence of it, and the same made false."""


def supported(pairs: Sequence[Pair], made: str, rules: str) -> str:
    """A table: of how many sentences the verifier says that they are supported, with its rules and without.

    Args:
        pairs: What is judged.
        made: What was done to make a sentence false.
        rules: The module that is meant to tell.
    """
    verifier = Verifier()
    rows: list[list[object]] = []
    for place, name in ((2, made), (1, "as they are")):
        alone = [verifier.combined(verifier.read([pair[place]], [pair[0]])[0]) for pair in pairs]
        both = [verifier.score([pair[place]], [pair[0]])[0].support or 0.0 for pair in pairs]
        shares = [estimate([float(support >= verifier.threshold) for support in of]) for of in (alone, both)]
        rows.append([name, len(pairs), *shares])
    return table(("sentences", "n", "alone: supported", f"with {rules}: supported"), rows)


def told(answers: Answers, rule: Callable[[str, Source], Sequence[object]]) -> str:
    """A table: of each set's claims how many a rule tells, and of how many people say that the answer is supported."""
    return table(("set", "claims", "told", "of supported answers"), [_told(*of, rule) for of in answers.items()])


def _told(
    name: str, answers: Sequence[GroundedAnswer], rule: Callable[[str, Source], Sequence[object]]
) -> list[object]:
    claims = found = wrongly = 0
    for answer in answers:
        source = Source(answer.passages)
        for segment in split_segments(answer.answer):
            if claim := segment.claim():
                claims += 1
                if rule(strip_citations(claim.text), source):
                    found += 1
                    wrongly += answer.grounded is True
    return [name, f"{claims:,}", found, wrongly]
