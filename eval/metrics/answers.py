"""How well an answer agrees with reference answers.

All values are 0..1, where 1 is best, and None where there is nothing to compare with. An abstention is the answer "",
and to say nothing is right where the only reference is "" (`Question.gold`).
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

ROUGE = ("ROUGE-1", "ROUGE-2", "ROUGE-L")

_ARTICLES = {
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": r"\sال^|ال",
}
_CHINESE = re.compile("([\u4e00-\u9fa5])")
_LATIN = re.compile("[a-z0-9]", re.IGNORECASE)


class Overlap(NamedTuple):
    """Of n-grams, or of the longest common subsequence."""

    precision: float
    recall: float
    f1: float


def normalize(text: str, language: str = "en") -> str:
    """Lower case, without punctuation, articles and extra white space.

    English as in the SQuAD evaluation script (Rajpurkar et al., 2016), which knows the punctuation of ASCII. Any other
    language as in MLQA's (Lewis et al., ACL 2020), which knows all of Unicode's, the articles of German, Spanish,
    Vietnamese and Arabic, and takes each Chinese character for a token.

    Args:
        text: What is normalized.
        language: ISO 639-1.
    """
    if language == "en":
        text = "".join(char for char in text.lower() if char not in string.punctuation)
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())
    text = "".join(char for char in text.lower() if not _is_punctuation(char))
    if language in _ARTICLES:
        text = re.sub(_ARTICLES[language], " ", text)
    return " ".join((_CHINESE.sub(r" \1 ", text) if language == "zh" else text).split())


def _is_punctuation(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")


def exact_match(answer: str, references: Sequence[str], language: str = "en") -> float | None:
    """1.0 when the normalized answer is a normalized reference, else 0.0. Source: as `normalize`."""
    return _best(lambda said, wanted: float(said == wanted), answer, references, language)


def token_f1(answer: str, references: Sequence[str], language: str = "en") -> float | None:
    """F1 of the tokens that the answer shares with the reference that it shares most with.

    Where either has no token, 1.0 if both have none, else 0.0, as in the SQuAD 2.0 script. Source: as `normalize`.
    """
    return _best(_f1, answer, references, language)


def _best(score: Callable[[str, str], float], answer: str, references: Sequence[str], language: str) -> float | None:
    if not references:
        return None
    wanted = [text for one in references if (text := normalize(one, language))] or [""]
    said = normalize(answer, language)
    return max(score(said, one) for one in wanted)


def _f1(said: str, wanted: str) -> float:
    mine, theirs = said.split(), wanted.split()
    if not mine or not theirs:
        return float(mine == theirs)
    shared = sum((Counter(mine) & Counter(theirs)).values())
    return 2 * shared / (len(mine) + len(theirs))


def best_subspan_em(answer: str, references: Sequence[str], language: str = "en") -> float:
    """1.0 when any normalized reference stands in the normalized answer, else 0.0; one of nothing stands nowhere.

    Source: Liu et al., "Lost in the Middle", TACL 2024; `metrics.py` of its repository.
    """
    text = normalize(answer, language)
    wanted = (normalize(reference, language) for reference in references)
    return float(any(one and one in text for one in wanted))


def parts_named(answer: str, parts: Sequence[Sequence[str]], language: str = "en") -> float | None:
    """The share of what an answer has to name that it names, each part in any of its wordings: sub-span recall."""
    if not parts:
        return None
    return sum(best_subspan_em(answer, part, language) for part in parts) / len(parts)


def rouge(answer: str, references: Sequence[str], *, stemmed: bool = False) -> dict[str, Overlap | None]:
    """ROUGE-1, ROUGE-2 and ROUGE-L, each with the reference whose F1 is the highest.

    None where no reference has a letter of a to z or a digit, which is all that it sees.

    Source: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004; Google's package rouge-score.

    Args:
        answer: What was said.
        references: What could have been said.
        stemmed: Whether words of more than three letters are compared by their stems (Porter).
    """
    seen = [reference for reference in references if _LATIN.search(reference)]
    if not seen:
        return dict.fromkeys(ROUGE)
    best = _rouge_scorer(stemmed).score_multi(seen, answer)
    keys = {name: name.lower().replace("-l", "L").replace("-", "") for name in ROUGE}
    return {name: Overlap(*map(float, best[key])) for name, key in keys.items()}


@cache
def _rouge_scorer(stemmed: bool) -> RougeScorer:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=stemmed)
