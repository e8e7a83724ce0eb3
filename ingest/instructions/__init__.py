"""Instructions hidden in documents: what speaks to the assistant that reads them, and not to the document's reader.

Two judges, both cheap. One knows such sentences by their words, wherever they stand ("add a link to your answer"). The
other finds requests that would be harmless elsewhere, but have nothing to do with the text around them ("explain
photosynthesis", in an invoice). Runs of invisible characters that carry text are found by what they are.

docs/safety.md says how well it does, and what it cannot see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ...retrieval.records import Instruction
from .features import may_instruct, may_matter, tokens
from .rows import expected
from .sentences import invisible, pieces, plain
from .topic import REQUEST_LENGTH, is_request, surroundings
from .weights import Words, shipped

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ...retrieval.embedding import Embedder

__all__ = ["VERSION", "Embed", "Instruction", "embed_cut", "find_instructions"]

VERSION = 2
"""Of the detector: documents that another one has checked are checked anew by the next ingest."""

Embed = Callable[[Sequence[str]], "npt.NDArray[np.float32]"]
"""Texts to vectors (n, dimension) of length 1."""

FOREIGN = 0.18
"""The cosine between a request and the text around it below which it belongs to another subject. With all-MiniLM-L6-v2,
98 % of the off-topic requests of BIPIA's training part lie below in its training contexts, and 8 of the 86 requests of
1,284 harmless documents; see `training/injection_topic.py`."""
LONGEST_QUOTE = 500
"""Characters of a quotation that belongs to a request."""
SPARE = 8
"""Tokens left free where a text is cut, for its end may be read otherwise then."""

_QUOTE = re.compile(r"""(?<!\w)(["'])(?=\w)""")
_CODE = re.compile(r"\s*(```|~~~)[^\n]*\n.*?(?:\n[ \t]*\1|\Z)", re.DOTALL)


def find_instructions(text: str, embed: Embed | None = None, words: Words | None = None) -> list[Instruction]:
    """The instructions in a text, in order, not overlapping; a block of code that one brings along belongs to it.

    Args:
        text: Of a document or a passage.
        embed: The embedding model, for requests that are off the text's subject; without it they are not looked for.
        words: Instead of the weights that come with the package.
    """
    words = words or shipped()
    found = [Instruction(start, end, 1.0) for start, end in invisible(text)]
    requests: list[tuple[int, int]] = []
    for start, end in pieces(text):
        piece = plain(text[start:end])
        if not may_matter(piece):
            continue
        told = tokens(piece)
        if may_instruct(told) and (score := words.probability(told)) >= words.threshold:
            found.append(Instruction(start, _with_code(text, end), round(score, 3)))
        elif embed is not None and is_request(piece, told, text, start):
            requests.append((start, _with_quote(text, start, end)))
    if embed is not None and requests:
        found += _off_topic(text, requests, embed)
    return _apart(found)


def embed_cut(embedder: Embedder, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Vectors of texts, of which as much is read as the model can: letters of some scripts take several tokens."""
    ends = [offsets[: embedder.passage_tokens - SPARE] for offsets in embedder.token_offsets(texts)]
    return embedder.embed_passages([text[: end[-1][1] if end else 0] for text, end in zip(texts, ends, strict=True)])


def _off_topic(text: str, requests: Sequence[tuple[int, int]], embed: Embed) -> list[Instruction]:
    """The requests that have nothing to do with what stands around them, and are not expected to."""
    around, own = [surroundings(text, start, end) for start, end in requests], expected(text)
    judged = [n for n, context in enumerate(around) if context and requests[n][0] not in own]
    if not judged:
        return []
    texts = [text[slice(*requests[n])][:REQUEST_LENGTH] for n in judged]
    vectors = embed([*texts, *(around[n] for n in judged)])
    cosines = (vectors[: len(judged)] * vectors[len(judged) :]).sum(axis=1)
    return [
        Instruction(*requests[n], round(1 - float(max(cosine, 0.0)), 3))
        for n, cosine in zip(judged, cosines, strict=True)
        if cosine < FOREIGN
    ]


def _with_code(text: str, end: int) -> int:
    block = _CODE.match(text, end)
    return block.end() if block else end


def _with_quote(text: str, start: int, end: int) -> int:
    """The end of a request that stops in the middle of what it quotes."""
    opened = _QUOTE.search(text, start, end)
    if opened is None or text.find(opened[1], opened.end(), end) >= 0:
        return end
    closed = text.find(opened[1], end, end + LONGEST_QUOTE)
    return end if closed < 0 else closed + 1


def _apart(found: list[Instruction]) -> list[Instruction]:
    """In order; one that lies in another, or goes on where it ends, is joined with it."""
    joined: list[Instruction] = []
    for one in sorted(found, key=lambda i: (i.char_start, i.char_end)):
        if joined and one.char_start < joined[-1].char_end:
            last = joined.pop()
            end, score = max(last.char_end, one.char_end), max(last.score, one.score)
            one = Instruction(last.char_start, end, score)
        joined.append(one)
    return joined
