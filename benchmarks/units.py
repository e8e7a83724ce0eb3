"""Whether the verifier heeds units: "24 months" where the passages say "two years", and where they say "24 years".

    python benchmarks/units.py [--data FOLDER]

From the passages of WiCE, FactCheck-GPT, RAGTruth's summaries and SummEdits: sentences with a duration, a distance, a
weight, a power or millions of something, as a claim with the same quantity in another unit (true), with another unit
after the same number (false), and as they are (true). Shown is the share that is called supported without what
`quantities.py` tells and with it. Then, of all claims of these sets, how many have a number with another unit than the
passages, and of how many of these people say that their whole answer is supported.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from fractions import Fraction
from unittest.mock import patch

from _grounded_sets import passages_of, read_answers, told
from _timing import table

from ragstone.eval.stats import estimate
from ragstone.generation.grounding import features
from ragstone.generation.grounding.claims import split_sentences
from ragstone.generation.grounding.quantities import of_other_units
from ragstone.generation.grounding.verifier import Verifier

MOST = 300
"""Sentences, at most one a passage."""
CONVERTED = {
    **{"years": ("months", Fraction(12)), "weeks": ("days", Fraction(7)), "days": ("hours", Fraction(24))},
    **{"hours": ("minutes", Fraction(60)), "minutes": ("seconds", Fraction(60)), "km": ("metres", Fraction(1000))},
    **{"kilometres": ("metres", Fraction(1000)), "million": ("thousand", Fraction(1000))},
    **{"billion": ("million", Fraction(1000)), "kg": ("grams", Fraction(1000)), "MW": ("kW", Fraction(1000))},
    **{"months": ("years", Fraction(1, 12))},
}
"""Of each unit another, and how many of it are one."""
_QUANTITY = re.compile(rf"(?<![\w.,-])(\d{{1,3}}(?:\.\d)?) ({'|'.join(CONVERTED)})\b(?! old)")


def main() -> None:
    """Check, and print the tables."""
    answers = read_answers(__doc__)
    verifier = Verifier()
    cases = list(_cases(passages_of(answers)))
    rows = []
    for place, name in enumerate(("the same in another unit", "another unit", "as they are"), 1):
        pairs = [(case[place], case[0]) for case in cases]
        with_units = _supported(verifier, pairs)
        with (
            patch.object(features, "held_in_units", lambda *_: []),
            patch.object(features, "of_other_units", lambda *_: []),
            patch.object(features, "in_units_of", lambda _, evidence: evidence),
        ):
            without = _supported(verifier, pairs)
        rows.append([name, len(cases), estimate(without), estimate(with_units)])
    print(table(("sentences", "n", "without: supported", "with quantities.py: supported"), rows))
    print()
    print(told(answers, lambda claim, source: of_other_units(claim, source.passages)))


def _cases(passages: list[str]) -> Iterator[tuple[str, str, str, str]]:
    """Passages with a sentence that has one such quantity: converted, of another unit, and as it is."""
    random.Random(1).shuffle(passages)
    made = 0
    for passage in passages:
        for sentence in (span.text for span in split_sentences(passage)):
            found = _QUANTITY.findall(sentence)
            plain = 30 < len(sentence) < 220 and sentence[0].isupper() and sentence[-1] == "."
            if plain and len(found) == 1 and (converted := _converted(*found[0])):
                (number, unit), (other, _) = found[0], CONVERTED[found[0][1]]
                written = f"{number} {unit}"
                if f"{number} {other}" not in passage:
                    true, false = (sentence.replace(written, new) for new in (converted, f"{number} {other}"))
                    yield passage, true, false, sentence
                    made += 1
                    break
        if made == MOST:
            return


def _converted(number: str, unit: str) -> str | None:
    """A quantity in another unit, where that is a number that one would write."""
    other, size = CONVERTED[unit]
    amount = Fraction(number) * size
    return f"{amount.numerator:,} {other}" if amount.denominator == 1 and amount > 1 else None


def _supported(verifier: Verifier, pairs: list[tuple[str, str]]) -> list[float]:
    """Of each claim 1.0 if it is called supported by its passage, else 0.0."""
    supports = [verifier.score([claim], [passage])[0].support or 0.0 for claim, passage in pairs]
    return [float(support >= verifier.threshold) for support in supports]


if __name__ == "__main__":
    main()
