"""Whether the verifier sees a name in the place of another: "hall C" where the passages say "hall B".

    python benchmarks/exchanged_names.py [--data FOLDER]

From the passages of WiCE, FactCheck-GPT, RAGTruth's summaries and SummEdits: sentences with a name, as a claim with the
name exchanged for another one of the passage (false) and as they are (true). Shown is the share that is called
supported, by the network and the comparisons alone and with what `exchanging.py` tells. What is taken for a name here
are words with capital letters, also at a sentence's beginning, so some of the false ones are nonsense. Then, of all
claims of these sets, how many `exchanging.py` tells, and of how many of these people say that their whole answer is
supported.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from _grounded_sets import Pair, passages_of, read_answers, supported, told

from ragstone.generation.grounding.claims import split_sentences
from ragstone.generation.grounding.exchanging import exchanged
from ragstone.generation.grounding.overlap import content_words

MOST = 400
"""Sentences, at most one a passage."""
_NAME = re.compile(r"(?<![\w’'])[A-Z][\w’'&-]*(?:\s+[A-Z][\w’'&-]*)*")


def main() -> None:
    """Check, and print the tables."""
    answers = read_answers(__doc__)
    print(supported(list(_pairs(passages_of(answers))), "name exchanged", "exchanging.py"))
    print()
    print(told(answers, exchanged))


def _pairs(passages: list[str]) -> Iterator[Pair]:
    """Passages with a sentence that has a name, as it is and with another name of the passage instead."""
    draw = random.Random(1)
    draw.shuffle(passages)
    made = 0
    for passage in passages:
        sentences = [span.text for span in split_sentences(passage)]
        known = sorted({name for sentence in sentences for name in _names(sentence)})
        for sentence in sentences:
            others = [name for name in known if not content_words(name) & content_words(sentence)]
            if 40 < len(sentence) < 200 and sentence[-1] == "." and (own := _names(sentence)) and others:
                yield passage, sentence, sentence.replace(draw.choice(own), draw.choice(others))
                made += 1
                break
        if made == MOST:
            return


def _names(sentence: str) -> list[str]:
    """Words with capital letters; not one alone at the beginning."""
    found = [match for match in _NAME.finditer(sentence) if match.start() or " " in match[0]]
    return [match[0] for match in found if content_words(match[0])]


if __name__ == "__main__":
    main()
