"""From the words of a model to sentences with checked citations, and to the places in the documents they rest on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..retrieval.library import Library
from ..retrieval.records import Rect
from .checking import Checked, Checker
from .context import Passage
from .grounding import Evidence, Scorer, Verdict
from .grounding.claims import strip_citations
from .grounding.segments import Kind, Segment, Segments, introduces

_STOPS = ".!?。！？"
"""Citations stand before these at a sentence's end; `|` ends a table's row as well."""
_PART_OF_CITATION = re.compile(r"(?:\*\*|\()?\[\s*(?:[Pp][a-z]{0,7})?[\s\d,;]*$")


@dataclass(frozen=True, slots=True)
class Quote:
    """A place in a document; offsets count code points of the document's stored text."""

    n: int
    """The passage's number."""
    document: str
    document_id: int
    chunk_id: int
    char_start: int
    char_end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer (or an item, a row, a block of code), what it cites and how far that supports it."""

    text: str
    citations: tuple[int, ...]
    """The passages that support it, best first."""
    support: float | None
    """0..1; None when unscored."""
    verdict: Verdict
    start: int = 0
    """Of `text` in the answer's text, in code points."""
    end: int = 0
    evidence: Quote | None = None
    """The place that supports it; that comes nearest to it when nothing does."""
    unsupported: tuple[tuple[int, int], ...] = ()
    """Spans of `text` that no passage carries, as far as it can be told."""
    elsewhere: tuple[tuple[int, int], ...] = ()
    """Those of them whose words a passage has, and says of something else, or otherwise."""
    why: str = ""
    """Why it could not be scored; empty where it states nothing."""
    differing: tuple[Quote, ...] = ()
    """Sentences of other documents that say the same with another figure."""


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
    """An answer that is checked sentence by sentence while it is written.

    What `feed` and `finish` return, joined, is `text`: the model's words, its own `[n]` replaced by those that hold.
    A sentence cites each passage that supports it among those that it cited and the one that carries it, and no other.

    Args:
        question: What was asked; its words are not claims of the answer.
        passages: What the model was given.
        scorer: What judges.
        beside: What else was found, which may differ from what the answer says.
        strict: Words come when their sentence is whole and checked, and a sentence that is unsupported never comes. Nor
            does a heading, a table's header or a line that introduces a list, when nothing under it came.
    """

    def __init__(
        self,
        question: str,
        passages: Sequence[Passage],
        scorer: Scorer,
        strict: bool = False,
        beside: Sequence[Passage] = (),
    ) -> None:
        self.sentences: list[Sentence] = []
        self.removed: list[Sentence] = []
        """What was left out, because it is strict; `start` and `end` are where it would stand."""
        self.states_something = False
        """Whether any sentence of the text states what could be checked, or is code."""
        self._passages = {passage.n: passage for passage in passages}
        self._scorer = scorer
        self._checker = Checker(question, passages, scorer, beside)
        self._strict = strict
        self._segments = Segments()
        self._parts: list[str] = []  # of the text
        self._length = 0  # of the text
        self._shown = 0  # how many characters of the segment that is open are in the text
        self._leads: list[Segment] = []  # what introduces what may yet be left out
        self._emptied = False  # all that came after them was
        self._gap = ""  # the white space before what was left out

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._parts)

    @property
    def support(self) -> float | None:
        """The support of the text by the passages, 0..1; None when no sentence could be scored."""
        return self._scorer.whole([sentence.support for sentence in self.sentences])

    @property
    def carried(self) -> float:
        """How far the passages carry all that the model wrote, also what was left out, 0..1; 1 when it states nothing.

        A sentence that could not be read speaks neither for nor against.
        """
        written = (*self.sentences, *self.removed)
        whole = self._scorer.whole([self._scorer.threshold if one.why else one.support for one in written])
        return 1.0 if whole is None else whole

    def feed(self, piece: str) -> str:
        """Take the model's next words; return the text that is certain by now."""
        known = len(self._parts)
        for segment in self._segments.feed(piece):
            self._close(segment)
        if not self._strict:
            self._show_open()
        return "".join(self._parts[known:])

    def finish(self) -> str:
        """Take what is left as the last sentences; return the rest of the text."""
        known = len(self._parts)
        for segment in self._segments.finish():
            self._close(segment)
        if not self.removed:
            self._show_leads()
        return "".join(self._parts[known:])

    def citations(self, library: Library) -> tuple[Citation, ...]:
        """The places that the sentences so far rest on, one a passage, by number."""
        cited = sorted({n for sentence in self.sentences for n in sentence.citations})
        return tuple(_citation(self._passages[n], self._checker.quoted[n], library) for n in cited)

    def _show_open(self) -> None:
        """Show what is certain of the segment that is being written."""
        gap, words, kind = self._segments.open()
        certain = words.rstrip() if kind == "code" else _certain(words, kind)
        if len(certain) > self._shown:
            self._show("" if self._shown else gap, certain[self._shown :])
            self._shown = len(certain)

    def _show(self, gap: str, words: str) -> None:
        shown = (gap if self._parts else "") + words
        self._parts.append(shown)
        self._length += len(shown)

    def _close(self, segment: Segment) -> None:
        """Check a segment that is whole, and show what is left of it."""
        plain = segment.text if segment.kind == "code" else strip_citations(segment.text)
        if not plain:  # nothing but citations
            return
        checked = self._checker.check(segment, plain)
        if self._strict and checked is None and _leads(segment):
            if self._emptied:
                self._leads.clear()
                self._emptied = False
            self._leads.append(segment)
        elif self._strict and checked is not None and (checked.verdict == "unsupported" or checked.why):
            self._emptied = bool(self._leads)
            self._gap = _wider(segment.gap, self._gap)
            self.removed.append(self._sentence(segment, plain, checked, self._length + len(plain)))
        else:
            if self._emptied:
                self._leads = [lead for lead in self._leads if _still_leads(lead, segment)]
                self._emptied = False
            self._show_leads()
            self._end(segment, plain, checked)

    def _show_leads(self) -> None:
        for segment in self._leads:
            self._end(segment, strip_citations(segment.text), None)
        self._leads.clear()

    def _end(self, segment: Segment, plain: str, checked: Checked | None) -> None:
        marked = plain if checked is None else _with_numbers(plain, checked.citations, segment.kind)
        if len(marked) > self._shown:
            self._show("" if self._shown else _wider(segment.gap, self._gap), marked[self._shown :])
        self._shown, self._gap = 0, ""
        self.states_something |= checked is not None or segment.kind == "code"
        self.sentences.append(self._sentence(segment, plain, checked, self._length))

    def _sentence(self, segment: Segment, plain: str, checked: Checked | None, end: int) -> Sentence:
        if checked is None:
            return Sentence(plain, (), None, "unscored", end - len(plain), end)
        marked = _with_numbers(plain, checked.citations, segment.kind)
        evidence = None if checked.nearest is None else _quote(checked.nearest, checked.evidence)
        return Sentence(
            text=marked,
            citations=checked.citations,
            support=checked.support,
            verdict=checked.verdict,
            start=end - len(marked),
            end=end,
            evidence=evidence,
            unsupported=checked.unsupported,  # counted without citations; a sentence that has these has none
            elsewhere=checked.elsewhere,
            why=checked.why,
            differing=tuple(_quoted(of.passage, of.start, of.end) for of in checked.differing),
        )


def _leads(segment: Segment) -> bool:
    return segment.kind in ("heading", "table_header") or introduces(segment.text)


def _still_leads(lead: Segment, segment: Segment) -> bool:
    """Whether a line leads to a segment that is left, when what came between is not."""
    if lead.kind == "table_header":
        return segment.kind == "row"
    return lead.kind == "heading" or lead.text in segment.context


def _wider(gap: str, other: str) -> str:
    """The white space with more line breaks."""
    return other if other.count("\n") > gap.count("\n") else gap


def _certain(raw: str, kind: Kind) -> str:
    """What of an unfinished sentence can be shown: not a citation, nor the full stop that one may precede."""
    if found := _PART_OF_CITATION.search(raw):
        raw = raw[: found.start()]
    if raw.count("`", raw.rfind("\n") + 1) % 2:
        raw = raw[: raw.rfind("`")]
    return strip_citations(raw).rstrip(f" \t\n*({_ends(kind)}")


def _ends(kind: Kind) -> str:
    return f"{_STOPS} |" if kind in ("row", "table_header") else _STOPS


def _with_numbers(plain: str, numbers: Sequence[int], kind: Kind) -> str:
    """The sentence with these citations, before its full stop."""
    body = plain.rstrip(_ends(kind))
    marks = "".join(f"[{n}]" for n in numbers)
    return f"{body} {marks}{plain[len(body) :]}" if marks else plain


def _quote(passage: Passage, evidence: Evidence) -> Quote:
    """The evidence in its document; the whole passage where there is none."""
    if evidence.passage is None:
        return _quoted(passage, 0, len(passage.hit.chunk.passage))
    return _quoted(passage, evidence.start, evidence.end)


def _quoted(passage: Passage, start: int, end: int) -> Quote:
    """A place in a passage, in its document."""
    chunk = passage.hit.chunk
    header = len(chunk.passage) - len(chunk.text)  # the header of the chunk's table stands in another chunk
    start, end = (max(start - header, 0), end - header) if end > header else (0, len(chunk.text))
    at = chunk.char_start
    return Quote(passage.n, chunk.document, chunk.document_id, chunk.id, at + start, at + end, chunk.text[start:end])


def rects_of(library: Library, document_id: int, char_start: int, char_end: int) -> tuple[int | None, tuple[Rect, ...]]:
    """The page on which a place in a document starts, and the place's lines on it; None for formats without pages."""
    page = next((p for p in library.pages(document_id) if p.char_start <= char_start < p.char_end), None)
    if page is None:
        return None, ()
    return page.number, tuple(
        line.rect for line in page.lines if line.char_end > char_start and line.char_start < char_end
    )


def _citation(passage: Passage, evidence: Evidence, library: Library) -> Citation:
    chunk, at = passage.hit.chunk, _quote(passage, evidence)
    page, rects = rects_of(library, chunk.document_id, at.char_start, at.char_end)
    return Citation(
        n=passage.n,
        document=chunk.document,
        document_id=chunk.document_id,
        title=chunk.title,
        page=chunk.page if page is None else page,
        chunk_id=chunk.id,
        char_start=at.char_start,
        char_end=at.char_end,
        quote=at.quote,
        rects=rects,
    )
