"""From the words of a model to sentences with checked citations, and to the places in the documents they rest on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..retrieval.library import Library
from ..retrieval.records import Rect
from .context import Passage
from .grounding import Evidence, Verdict, verify_sentence
from .grounding.claims import Span, cited_numbers, is_claim, split_sentences, strip_citations


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer with the passages that it cites and how far they support it."""

    text: str
    citations: tuple[int, ...]
    support: float | None
    """0..1; None when unscored."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in a document that an answer rests on; offsets count code points of the document's stored text."""

    n: int
    document: str
    document_id: int
    title: str
    page: int | None
    chunk_id: int
    char_start: int
    char_end: int
    quote: str
    rects: tuple[Rect, ...]
    """For a PDF: the lines of the quote on `page`."""


class CitedText:
    """An answer whose citations are checked sentence by sentence while it is written.

    What `feed` and `finish` return, joined, is `text`: the model's words, its own `[n]` replaced by those that hold.
    A number that names no passage is dropped. A sentence is scored against the passages that it cites; when those do
    not support it, or it cites none, the passage that supports it best is cited instead.

    Args:
        question: What was asked; its words are not claims of the answer.
        passages: What the model was given.
    """

    def __init__(self, question: str, passages: Sequence[Passage]) -> None:
        self.text = ""
        self.sentences: list[Sentence] = []
        self._passages = passages
        self._context = " ".join([question, *(passage.label for passage in passages)])
        self._evidence: dict[int, Evidence] = {}
        self._raw = ""  # the model's words since the last whole sentence
        self._shown = 0  # how many characters of that sentence are in `text` already

    def feed(self, piece: str) -> str:
        """Take the model's next words; return the text that is certain by now."""
        before = len(self.text)
        self._raw += piece
        while len(spans := split_sentences(self._raw)) > 1 and re.match(r"[^\[]*\w", spans[1].text):
            self._close(spans[0], spans[1].start)
        certain = _certain(self._raw)
        self.text += certain[self._shown :]
        self._shown = max(self._shown, len(certain))
        return self.text[before:]

    def finish(self) -> str:
        """Take what is left as the last sentences; return the rest of the text."""
        before = len(self.text)
        while spans := split_sentences(self._raw):
            self._close(spans[0], spans[1].start if len(spans) > 1 else len(self._raw.rstrip()))
        return self.text[before:]

    def citations(self, library: Library) -> tuple[Citation, ...]:
        """The places that the sentences so far rest on, one a passage, by number."""
        by_number = {passage.n: passage for passage in self._passages}
        return tuple(_citation(by_number[n], self._evidence[n], library) for n in sorted(self._evidence))

    def _close(self, span: Span, upto: int) -> None:
        """End the sentence `span`; the next one starts at `upto`."""
        sentence = self._check(span.text)
        separator = self._raw[span.end : upto]
        plain = len(strip_citations(span.text).rstrip(".!?"))
        if self._shown <= plain:
            self.text += sentence.text[self._shown :] + separator
            self._shown = 0
        else:  # the words after its end were shown before it was known to be one
            self._shown = max(self._shown - len(strip_citations(span.text)) - len(separator), 0)
        self.sentences.append(sentence)
        self._raw = self._raw[upto:]

    def _check(self, text: str) -> Sentence:
        """Score a sentence and choose its citations."""
        numbers = cited_numbers(text)
        cited = [passage for passage in self._passages if passage.n in numbers]
        if not is_claim(text) or not self._passages:
            return Sentence(strip_citations(text), (), None, "unscored")
        single = {p.n: verify_sentence(text, [p.hit.chunk.passage], self._context) for p in self._passages}
        best = max(self._passages, key=lambda p: (single[p.n].support or 0.0, -p.n))
        result = verify_sentence(text, [p.hit.chunk.passage for p in cited], self._context)
        if not cited or result.verdict == "unsupported":
            if single[best.n].verdict == "supported":
                result, cited = single[best.n], [best]
            else:
                result = verify_sentence(text, [p.hit.chunk.passage for p in self._passages], self._context)
        for passage in cited:  # a passage is quoted where it supports most
            found, known = single[passage.n].evidence, self._evidence.get(passage.n)
            if known is None or (found.support or 0.0) > (known.support or 0.0):
                self._evidence[passage.n] = found
        chosen = tuple(passage.n for passage in cited)
        return Sentence(_with_numbers(strip_citations(text), chosen), chosen, result.support, result.verdict)


def _certain(raw: str) -> str:
    """What of an unfinished sentence can be shown: not a citation, nor the full stop that one may precede."""
    text = raw.lstrip()
    mark = text.rfind("[")
    if mark >= 0 and "]" not in text[mark:]:
        text = text[:mark]
    return strip_citations(text).rstrip(" \t\n.!?")


def _with_numbers(plain: str, numbers: Sequence[int]) -> str:
    """The sentence with these citations, before its full stop."""
    body = plain.rstrip(".!?")
    marks = "".join(f"[{n}]" for n in numbers)
    return f"{body} {marks}{plain[len(body) :]}" if marks else plain


def _citation(passage: Passage, evidence: Evidence, library: Library) -> Citation:
    chunk = passage.hit.chunk
    start, end = 0, len(chunk.text)
    if evidence.passage is not None:
        header = len(chunk.passage) - end  # the header of the chunk's table stands in another chunk
        if evidence.end > header:
            start, end = max(evidence.start - header, 0), evidence.end - header
    char_start, char_end = chunk.char_start + start, chunk.char_start + end
    page = next((p for p in library.pages(chunk.document_id) if p.char_start <= char_start < p.char_end), None)
    lines = page.lines if page else ()
    return Citation(
        n=passage.n,
        document=chunk.document,
        document_id=chunk.document_id,
        title=chunk.title,
        page=page.number if page else chunk.page,
        chunk_id=chunk.id,
        char_start=char_start,
        char_end=char_end,
        quote=chunk.text[start:end],
        rects=tuple(line.rect for line in lines if line.char_end > char_start and line.char_start < char_end),
    )
