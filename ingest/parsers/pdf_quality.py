"""How well the text of a page can be read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .pdf_model import Row

_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ue000-\uf8ff\ufff0-\uffff\U000f0000-\U0010ffff]")
_UNSPACED = (
    "\u0e00-\u109f\u1780-\u17ff\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff"
)
"""Scripts that put no spaces between words, or few: Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese, Tibetan."""
_LETTERS = re.compile(rf"[^\W\d_{_UNSPACED}]+")
_SPACED_OUT = re.compile(rf"(?<!\S)(?:[^\W\d_{_UNSPACED}] ){{4,}}[^\W\d_{_UNSPACED}](?!\S)")
_REPEATED = re.compile(r"([^\w\s])(?:\s*\1)+")
_LEAST_LETTERS = 100
"""On fewer the length of words says nothing."""
_LONG_WORD = 45
_USUAL_LENGTH, _GLUED_LENGTH = 10, 16
"""Mean letters to a word: of any language, and of one whose spaces are lost."""
_LEAST_ALPHANUMERIC = 0.4


def page_quality(text: str) -> float:
    """From 0, for a page without text, to 1.

    Glyphs that name no character, words that are glued together, letters that are spaced out, and signs in place of
    letters and digits lower it.
    """
    written = sum(map(len, text.split()))
    if not written:
        return 0.0
    known = 1 - min(1.0, len(_UNREADABLE.findall(text)) / written)
    return known * _spacing(text) * _alphanumeric(text)


def rows_quality(rows: Sequence[Row]) -> float:
    """The quality of the page that the rows stand on."""
    return page_quality("\n".join(row.text for row in rows))


def _spacing(text: str) -> float:
    lengths = [len(word) for word in _LETTERS.findall(text)]
    letters = sum(lengths)
    if letters < _LEAST_LETTERS:
        return 1.0
    too_long = sum(length for length in lengths if length > _LONG_WORD) / letters
    spaced_out = sum(len(match) // 2 + 1 for match in _SPACED_OUT.findall(text)) / letters
    glued = (letters / len(lengths) - _USUAL_LENGTH) / (_GLUED_LENGTH - _USUAL_LENGTH)
    return 1 - min(1.0, max(0.0, glued, too_long) + spaced_out)


def _alphanumeric(text: str) -> float:
    """1 as long as enough of the page is letters and digits; leaders of dots count little."""
    signs = "".join(_REPEATED.sub(r"\1", text).split())
    share = sum(map(str.isalnum, signs)) / len(signs)
    return min(1.0, share / _LEAST_ALPHANUMERIC)
