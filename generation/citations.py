"""From the sentences of an answer to the places in the documents that they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..retrieval.library import Library
from ..retrieval.records import Rect
from .context import Passage
from .grounding import Verdict, verify_sentence
from .grounding.claims import cited_numbers, is_claim, split_sentences, strip_citations
from .grounding.overlap import Evidence


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


@dataclass(frozen=True, slots=True)
class Cited:
    """An answer's text with checked citations."""

    text: str
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]


def cite(answer: str, question: str, passages: Sequence[Passage], library: Library) -> Cited:
    """Check the citations of an answer and complete them.

    A number that names no passage is dropped. A sentence is scored against the passages that it cites; when those do not
    support it, or it cites none, against all passages, and if one supports it that one is cited instead.
    """
    labels = " ".join(passage.label for passage in passages)
    sentences, pieces, end = [], [], 0
    evidence: dict[int, tuple[float, Evidence]] = {}
    for span in split_sentences(answer):
        sentence, found = _check(span.text, passages, f"{question} {labels}")
        sentences.append(sentence)
        pieces += [answer[end : span.start], sentence.text]
        end = span.end
        for n, of in found.items():  # a passage is quoted where it supports most
            if n not in evidence or (of.support or 0.0) > evidence[n][0]:
                evidence[n] = (of.support or 0.0, of)
    by_number = {passage.n: passage for passage in passages}
    citations = tuple(_citation(by_number[n], of, library) for n, (_, of) in sorted(evidence.items()))
    return Cited("".join([*pieces, answer[end:]]), tuple(sentences), citations)


def _check(text: str, passages: Sequence[Passage], context: str) -> tuple[Sentence, dict[int, Evidence]]:
    """Score a sentence and choose its citations; also the evidence in each passage cited."""
    numbers = cited_numbers(text)
    given = [passage for passage in passages if passage.n in numbers]
    if not is_claim(text):
        return Sentence(_with_numbers(text, ()), (), None, "unscored"), {}
    single = {p.n: verify_sentence(text, [p.hit.chunk.text], context) for p in passages}
    best = max(passages, key=lambda p: (single[p.n].support or 0.0, -p.n))
    result = verify_sentence(text, [p.hit.chunk.text for p in given], context)
    cited = given
    if not given or result.verdict == "unsupported":
        if single[best.n].verdict == "supported":
            result, cited = single[best.n], [best]
        else:
            result = verify_sentence(text, [p.hit.chunk.text for p in passages], context)
    chosen = tuple(p.n for p in cited)
    sentence = Sentence(_with_numbers(text, chosen), chosen, result.support, result.verdict)
    return sentence, {n: single[n].evidence for n in chosen}


def _with_numbers(text: str, numbers: Sequence[int]) -> str:
    """The sentence with these citations, before its full stop."""
    plain = strip_citations(text)
    body = plain.rstrip(".!?")
    marks = "".join(f"[{n}]" for n in numbers)
    return f"{body} {marks}{plain[len(body) :]}" if marks else plain


def _citation(passage: Passage, evidence: Evidence, library: Library) -> Citation:
    chunk = passage.hit.chunk
    start, end = (evidence.start, evidence.end) if evidence.passage is not None else (0, len(chunk.text))
    char_start, char_end = chunk.char_start + start, chunk.char_start + end
    pages = library.pages(chunk.document_id)
    page = next((p for p in pages if p.char_start <= char_start < p.char_end), None)
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
        rects=tuple(line.rect for line in page.lines if line.char_end > char_start and line.char_start < char_end)
        if page
        else (),
    )
