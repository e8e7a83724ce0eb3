"""Which language a text is in, where that is certain. The verifier reads English, and must not judge what it cannot."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

SURE = 0.9
"""The least probability at which a language counts as known; names and tables seldom reach it."""
_LEAST_WORDS = 3
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset("the and with that from were which has been must this there their are not".split())
"""Words that hardly any other language writes alike: English is told by them, without loading anything."""
_LEAST_ENGLISH = 0.1
"""Their least share of a text's words."""


def language(text: str) -> str | None:
    """The language of a text by its ISO 639-1 code; None where it is not certain."""
    words = _WORD.findall(text.lower())
    if len(words) < _LEAST_WORDS:
        return None
    if sum(word in _ENGLISH for word in words) >= _LEAST_ENGLISH * len(words):
        return "en"
    code, probability = _identifier().classify(text)
    return code if probability >= SURE else None


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
