"""What tells of a document's text whether it is nearly the same as another's: its MinHash, or the hash of a short one.

Children that parse need no more than this, and most files are too short for MinHash: nothing heavy is imported before
that.
"""

from __future__ import annotations

import hashlib
import re
import sys
import unicodedata
import zlib
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

PERMUTATIONS: Final = 128
"""Hash values of a MinHash signature."""
LENGTH: Final = 4 * PERMUTATIONS
"""Bytes of a MinHash signature; that of a short text has fewer."""
_SEED: Final = 1
_SHINGLE_WORDS: Final = 5
_MIN_WORDS: Final = 50
_SHORT: Final = 16
"""Bytes of a short text's signature."""
_BATCH: Final = 4096
"""Shingles hashed at a time: 2 MiB of working memory."""
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Scripts written without spaces: Thai, Lao, Burmese, Khmer, Japanese, Chinese. Each of their characters is a word."""
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def signature(text: str) -> bytes:
    """The MinHash signature of a text: 128 hash values of its runs of five words, 512 bytes.

    Case, punctuation, white space and typographic variants of letters make no difference, so that a PDF and the DOCX
    that it was made from look alike. In a text under 50 words each may matter ("-5", "no."): its signature, 16 bytes,
    is shared by those that differ in white space only. A text without words gives b"", which resembles nothing. The
    same text gives the same signature on every machine.
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    if not words:
        return b""
    if len(words) < _MIN_WORDS:
        return hashlib.sha256(" ".join(text.split()).encode("utf-8", "surrogatepass")).digest()[:_SHORT]
    sketch = _min_hash()(num_perm=PERMUTATIONS, seed=_SEED, scheme="affine32", hashfunc=zlib.crc32)
    last = len(words) - _SHINGLE_WORDS + 1
    for start in range(0, last, _BATCH):
        places = range(start, min(start + _BATCH, last))
        sketch.update_batch({" ".join(words[place : place + _SHINGLE_WORDS]).encode() for place in places})
    return bytes(sketch.hashvalues.astype("<u4"))


@cache
def _min_hash() -> Any:
    """`datasketch.MinHash` without the rest of its package, whose indexes load scipy: half a second a child."""
    if "datasketch" not in sys.modules and (found := find_spec("datasketch")):
        sys.modules["datasketch"] = bare = ModuleType("datasketch")
        bare.__path__ = found.submodule_search_locations or []
        try:
            import_module("datasketch.minhash")
        finally:
            del sys.modules["datasketch"]
    return import_module("datasketch.minhash").MinHash
