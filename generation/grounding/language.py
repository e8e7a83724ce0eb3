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
_ENGLISH = frozenset("the with that from were which been this there their".split())
"""Words that hardly any other language writes alike: English is told by them, without loading anything."""
_AS_WELL = frozenset("and are has must not was".split())
"""Words of English that others have, too."""
_LEAST_ENGLISH = 0.1
"""The least share of these words in a text."""
_ENOUGH = 3
"""So many different ones tell English without one of those that are its own."""


def language(text: str) -> str | None:
    """The language of a text by its ISO 639-1 code; None where it is not certain."""
    written = _WORD.findall(text)
    if len(written) < _LEAST_WORDS:
        return None
    found = [word for word in map(str.lower, written) if word in _ENGLISH | _AS_WELL]
    own = {word for word in (written[0].lower(), *written[1:]) if word in _ENGLISH}  # not "The" in a title
    if len(found) >= _LEAST_ENGLISH * len(written) and (own or len(set(found)) >= _ENOUGH):
        return "en"
    code, probability = _identifier().classify(text)
    return code if probability >= SURE else None


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
