"""The pieces of a text that are judged: sentences, lines, cells of a table.

Cheaper and coarser than the splitter of answers: an instruction must be found wherever it stands, and nobody reads the
pieces. A line that goes on in lower case belongs to the one before, as in text of PDF pages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LONGEST = 600
"""Characters of a piece; a longer sentence is judged in parts."""

_BOUNDARY = re.compile(r"""(?<=[.!?])["'”’)\]*_]*\s+|(?<=[。！？])|\n\s*\n|\n(?!\s*[a-z])|\|""")
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]")
_TAGS = range(0xE0020, 0xE007F)
_CARRIES_TEXT = re.compile(
    "(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]{4,}"  # tags, but for those of a flag
    "|[\u200b-\u200d\u2060-\u2064\ufeff]{8,}"  # bits spelled by characters without width
)


def pieces(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each piece without the white space around it, in code points."""
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        yield from _parts(text, start, boundary.start())
        start = boundary.end()
    yield from _parts(text, start, len(text))


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > LONGEST:
        space = text.rfind(" ", start + LONGEST // 2, start + LONGEST)
        cut = space if space > 0 else start + LONGEST
        yield from _parts(text, start, cut)
        start = cut
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end = start + len(piece.strip())
    if end > start:
        yield start, end


def invisible(text: str) -> list[tuple[int, int]]:
    """Start and end of each run of invisible characters long enough to carry words."""
    return [] if text.isascii() else [match.span() for match in _CARRIES_TEXT.finditer(text)]


def plain(piece: str) -> str:
    """A piece as a model may read it: compatible characters made one, invisible ones left out, tag characters as the
    letters that they stand for."""
    if piece.isascii():
        return piece
    letters = "".join(chr(ord(c) - 0xE0000) if ord(c) in _TAGS else c for c in piece)
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", letters))
