"""Whether the verifier sees a figure that is another thing's: the price of the roof in a sentence about the house.

    python benchmarks/misplaced_figures.py [--data FOLDER]

From the passages of WiCE, FactCheck-GPT, RAGTruth's summaries and SummEdits: sentences with a quantity, a date or a
year, as a claim with that of another sentence of the passage, of the same kind, in its place (false), and as they are
(true). Shown is the share that is called supported, by the network and the comparisons alone and with what
`misplacing.py` tells. Then, of all claims of these sets, how many `misplacing.py` tells, and of how many of these
people say that their whole answer is supported.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from _grounded_sets import Pair, passages_of, read_answers, supported, told

from ragstone.generation.grounding.claims import split_sentences
from ragstone.generation.grounding.misplacing import figures, misplaced

MOST = 400
"""Sentences, at most one a passage."""


def main() -> None:
    """Check, and print the tables."""
    answers = read_answers(__doc__)
    print(supported(list(_pairs(passages_of(answers))), "another's figure", "misplacing.py"))
    print()
    print(told(answers, misplaced))


def _pairs(passages: list[str]) -> Iterator[Pair]:
    """Passages with a sentence that has a figure, as it is and with another sentence's figure instead."""
    draw = random.Random(1)
    draw.shuffle(passages)
    made = 0
    for passage in passages:
        sentences = [span.text for span in split_sentences(passage)]
        known = list(map(figures, sentences))
        for place, sentence in enumerate(sentences):
            if not 40 < len(sentence) < 200 or sentence[-1] != "." or not known[place]:
                continue
            own = draw.choice(known[place])
            others = [
                sentences[n][one.start : one.end]
                for n, of in enumerate(known)
                for one in of
                if abs(n - place) > 1 and one.kinds & own.kinds and not any(map(one.may_be, known[place]))
            ]
            if others:
                yield passage, sentence, sentence[: own.start] + draw.choice(others) + sentence[own.end :]
                made += 1
                break
        if made == MOST:
            return


if __name__ == "__main__":
    main()
