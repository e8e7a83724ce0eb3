"""Whether the verifier sees that two things have changed places: "the tenant pays the landlord", the other way round.

    python benchmarks/reversed_roles.py [--data FOLDER]

From the passages of WiCE, FactCheck-GPT, RAGTruth's summaries and SummEdits: sentences with two names and a verb
between them, as a claim with the names exchanged (false), and as they are (true). Shown is the share that is called
supported, by the network and the comparisons alone and with what `reversing.py` tells. Then, of all claims of these
sets, how many `reversing.py` tells, and of how many of these people say that their whole answer is supported.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from _grounded_sets import Pair, passages_of, read_answers, supported, told

from ragstone.generation.grounding.claims import split_sentences
from ragstone.generation.grounding.reversing import reversed_in

MOST = 400
"""Sentences, at most one a passage."""
_NAME = r"[A-Z][\w’'-]+(?:\s+[A-Z][\w’'-]+){0,2}"
_PAIR = re.compile(rf"(?<![\w’'])(?P<one>{_NAME})(?P<between>\s+(?:[a-z]+\s+){{1,6}}(?:the\s+)?)(?P<other>{_NAME})")
_JOINS = re.compile(r"\b(?:and|or|nor|with|of|in|at|from|for|is|are|was|were|as|on|near|by|met|married)\b")
"""Between names that belong together."""


def main() -> None:
    """Check, and print the tables."""
    answers = read_answers(__doc__)
    print(supported(list(_pairs(passages_of(answers))), "the other way round", "reversing.py"))
    print()
    print(told(answers, reversed_in))


def _pairs(passages: list[str]) -> Iterator[Pair]:
    """Passages with a sentence that has two names and words between them, as it is and with the names exchanged."""
    draw = random.Random(1)
    draw.shuffle(passages)
    made = 0
    for passage in passages:
        for sentence in (span.text for span in split_sentences(passage)):
            found = _PAIR.search(sentence)
            if 40 < len(sentence) < 200 and found and not _JOINS.search(found["between"]):
                swapped = f"{found['other']}{found['between']}{found['one']}"
                yield passage, sentence, sentence[: found.start()] + swapped + sentence[found.end() :]
                made += 1
                break
        if made == MOST:
            return


if __name__ == "__main__":
    main()
