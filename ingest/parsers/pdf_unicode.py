"""The characters of a PDF's text: one way to write each, and none that name nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import normalize

from .pdf_model import Row

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ufff0-\ufffc\ufffe\uffff]+")
_SPACES = re.compile("[\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_INVISIBLE = re.compile("[\xad\u0640\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_PRESENTATION = re.compile("[\u2e80-\u2fd5\ufb00-\ufdff\ufe70-\ufefc\U0001d400-\U0001d7ff]+")
"""Radicals, ligatures, Arabic and Hebrew letters in their shapes, and letters in mathematical fonts."""
_SYMBOL_FONTS = str.maketrans(
    {"\uf0b7": "•", "\uf0a7": "▪", "\uf0a8": "□", "\uf06e": "■", "\uf0d8": "➢", "\uf076": "❖", "\uf0fc": "✓"}
    | {"\uf0e0": "→", "\uf0de": "⇒", "\uf02d": "−", "\uf0b0": "°", "\uf0b1": "±", "\uf0b4": "×", "\uf0a3": "≤"}
    | {"\uf0b3": "≥", "\uf06d": "μ", "\uf0ae": "→", "\uf061": "α", "\uf062": "β", "\uf06c": "●", "\uf06f": "□"}
)
"""The private characters as which the fonts Symbol and Wingdings of Word documents come."""
_LINE_END_HYPHEN = re.compile(r"(?<=[^\W_])[-\xad\u2010]$")


def readable(rows: Iterable[Row]) -> list[Row]:
    """The rows in normal form, without what cannot be read; a hyphen at the end of a row is marked."""
    kept = []
    for row in rows:
        row.hyphenated = row.hyphenated or _LINE_END_HYPHEN.search(row.text) is not None
        if row.hyphenated:
            row.text = row.text[:-1] + "-"
        row.text = normal(row.text)
        if row.text:
            kept.append(row)
    return kept


def normal(text: str) -> str:
    """A text with letters for ligatures, composed accents and plain spaces, without invisible characters."""
    if not text.isascii():
        text = _SPACES.sub(" ", _INVISIBLE.sub("", text)).translate(_SYMBOL_FONTS)
        text = normalize("NFC", _PRESENTATION.sub(lambda match: normalize("NFKC", match[0]), text))
    return _CONTROLS.sub(" ", text).strip()
