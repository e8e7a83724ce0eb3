"""Whether the verifier sees what passages deny: "may sublet" where they say "may not sublet".

    python benchmarks/denials.py [--data FOLDER]

From the passages of WiCE, FactCheck-GPT, RAGTruth's summaries and SummEdits: sentences with one negation, as a claim
with the negation taken out (false) and as they are (true). Shown is the share that is called supported, by the network
and the comparisons alone and with what `denying.py` tells. Then, of all claims of these sets, how many `denying.py`
tells, and of how many of these people say that their whole answer is supported.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from _grounded_sets import Pair, passages_of, read_answers, supported, told

from ragstone.generation.grounding.claims import split_sentences
from ragstone.generation.grounding.denying import denied

MOST = 400
"""Sentences, at most one a passage."""
_AUXILIARY = "may|can|will|would|should|must|is|are|was|were|did|does|do|has|have|had|could"
_NEGATION = re.compile(rf"\b({_AUXILIARY}) not\b|\b(can)not\b", re.IGNORECASE)
_OTHER = re.compile(r"\b(?:no|never|nor|without|neither|none)\b|n['’]t", re.IGNORECASE)


def main() -> None:
    """Check, and print the tables."""
    answers = read_answers(__doc__)
    print(supported(list(_pairs(passages_of(answers))), "negation taken out", "denying.py"))
    print()
    print(told(answers, denied))


def _pairs(passages: list[str]) -> Iterator[Pair]:
    """Passages with a sentence that negates, as it is and without the negation."""
    random.Random(1).shuffle(passages)
    made = 0
    for passage in passages:
        for sentence in (span.text for span in split_sentences(passage)):
            plain = 30 < len(sentence) < 220 and sentence[0].isupper() and sentence[-1] == "."
            if plain and len(_NEGATION.findall(sentence)) == 1 and not _OTHER.search(sentence):
                yield passage, sentence, _NEGATION.sub(lambda match: match[1] or match[2], sentence)
                made += 1
                break
        if made == MOST:
            return


if __name__ == "__main__":
    main()
