"""An answer in parts, while it is written: sentences, list items, table rows, headings, blocks of code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .claims import CITATION, Claim, claim_of, row_claim, sentence_boundaries
from .records import cell_spans

Kind = Literal["sentence", "heading", "table_header", "row", "code"]

LONGEST = 2000
"""Characters. What goes on for longer without an end is no sentence, and is cut at a space, so that the work for an
answer grows with its length and not with its square."""
_SLACK = 100
"""Where that space may stand, and how far to look on."""
_IN_VIEW = 200
"""Characters before a full stop that the splitter sees: it is not linear where there is one after the other."""
_WRAPPED = 60
"""A line of at least so many characters may go on in the next one; a shorter one ends where it ends."""
_LONGEST_WORD = 40
"""Characters after which a word is taken to be whole."""
_LONGEST_CITATION = 60

_LONGEST_TITLE = 3
"""Words. A longer line in bold that ends with a full stop is a sentence."""
_LONGEST_LABEL = 2
"""Words in bold before the text of a list's item: `- **Lost phone.** Call us.`"""
_LONGEST_FENCE = 200
"""Characters of the line that opens a block of code, as far as it is looked at."""

_SPACE = re.compile(r"\s*")
_ITEM = re.compile(r"(?:[-*+•–]|\d{1,3}[.)])[ \t]+")
_FENCE = re.compile(r"`{3,}|~{3,}")
"""Of a block of code; with other backticks in its line it is code within a sentence."""
_HEADING = re.compile(r"#{1,6}[ \t]")
_BOLD_LINE = re.compile(r"(?:\*\*[^*\n]+\*\*|__[^_\n]+__):?")
_WIDE = "。﹒﹖﹗！．？｡"
_STOP = re.compile(rf"\n|[!.?։؟۔।॥။።‼-⁉{_WIDE}]+[!.?\"'”’»)\]*_]*")
_AFTER_STOP = re.compile(rf"(?:\s*{CITATION})*[ \t]*")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of an answer that is shown and judged as one."""

    start: int
    """Of `text` in the answer, in code points."""
    text: str
    """As it was written, citations included, without the white space around it."""
    gap: str = ""
    """The white space before it."""
    kind: Kind = "sentence"
    context: str = ""
    """The lines that introduce it: `The pump weighs:` above a list."""
    columns: tuple[str, ...] = ()
    """The header of its table."""

    def claim(self, text: str | None = None) -> Claim | None:
        """What it states, with places in `text`, by default its own; None where it states nothing to be checked."""
        text = self.text if text is None else text
        if self.kind == "row":
            return row_claim(text, self.columns, self.context)
        return claim_of(text, self.context) if self.kind == "sentence" else None


def split_segments(text: str) -> list[Segment]:
    """The parts of a whole answer."""
    segments = Segments()
    return [*segments.feed(text), *segments.finish()]


class Segments:
    """Takes an answer word by word, and gives its parts as each becomes whole.

    Where a part ends depends on the answer alone, not on how its words arrive. A sentence is known to have ended when
    the first word of the next one is whole.
    """

    def __init__(self) -> None:
        self._raw = ""  # from the end of the last segment on
        self._dropped = 0  # characters of the answer before `_raw`
        self._end = 0  # of the last segment
        self._start: int | None = None  # of the one that is open; None before it is known what it is
        self._body = 0  # ... and of its words, after the mark of a list's item
        self._seen = 0  # up to here all is known to belong to it
        self._kind: Kind = "sentence"
        self._leads: list[tuple[int, str]] = []  # the lines that introduce lists, with how far they are indented
        self._context = ""
        self._columns: tuple[str, ...] | None = None  # of the table that is open
        self._indent = -1  # of the item that is open

    def feed(self, piece: str) -> list[Segment]:
        """Take the next words; return the segments that they end."""
        self._raw += piece
        return self._whole(final=False)

    def finish(self) -> list[Segment]:
        """Return what is left."""
        return self._whole(final=True)

    def open(self) -> tuple[str, str, Kind]:
        """Of the segment that is being written: the white space before it, what is known of it, and its kind."""
        if self._start is None:
            return "", "", "sentence"
        sure = self._seen if self._kind == "code" else min(self._seen, self._start + LONGEST - _SLACK)
        return self._raw[self._end : self._start], self._raw[self._start : sure], self._kind

    def _whole(self, final: bool) -> list[Segment]:
        segments = []
        while self._begin(final) and (end := self._find_end(final)) is not None:
            segments.append(self._close(end))
        self._raw, self._dropped = self._raw[self._end :], self._dropped + self._end
        self._seen, self._body = self._seen - self._end, self._body - self._end
        self._start = None if self._start is None else self._start - self._end
        self._end = 0
        return segments

    def _begin(self, final: bool) -> bool:
        """Find out where the next segment begins, and what it is."""
        if self._start is not None:
            return True
        start = _space(self._raw, self._end)
        if start == len(self._raw):
            return False
        gap, item = self._raw[self._end : start], None
        kind: Kind | None = "sentence"
        if "\n" in gap or self._dropped + self._end == 0:
            kind = self._line_kind(start, final)
            item = _ITEM.match(self._raw, start) if kind == "sentence" else None
            if kind is None:
                return False
            if gap.count("\n") > 1:
                self._columns = None
            self._enter_line(kind, len(gap) - gap.rfind("\n") if item else None)
        self._kind, self._start = kind or "sentence", start
        self._body = self._seen = item.end() if item else start
        return True

    def _line_kind(self, start: int, final: bool) -> Kind | None:
        """What begins with the line at `start`; None while its first word may still become something else."""
        if self._end_of_word(start, final) is None:
            return None
        if fence := _FENCE.match(self._raw, start):
            line, ended, _ = self._raw[fence.end() : fence.end() + _LONGEST_FENCE].partition("\n")
            if "`" not in line or fence[0][0] == "~":
                known = ended or final or len(line) == _LONGEST_FENCE or fence[0][0] == "~"
                return "code" if known else None
        if self._raw[start] == "|":
            return "row"
        return "heading" if _HEADING.match(self._raw, start) else "sentence"

    def _end_of_word(self, start: int, final: bool) -> int | None:
        word = _WORD.match(self._raw, start, start + _LONGEST_WORD)
        end = start if word is None else word.end()
        return None if end == len(self._raw) and end < start + _LONGEST_WORD and not final else end

    def _enter_line(self, kind: Kind, indent: int | None) -> None:
        """Forget what introduces only the lines before this one."""
        if kind != "row":
            self._columns = None
        if indent is not None:
            while self._leads and self._leads[-1][0] >= indent:
                self._leads.pop()
        elif kind in ("sentence", "heading"):
            self._leads.clear()
        self._indent = -1 if indent is None else indent
        self._context = " ".join(text for _, text in self._leads)

    def _find_end(self, final: bool) -> int | None:
        """Where the open segment ends; None while that is not known. `_seen` goes on to what is known."""
        assert self._start is not None
        if self._kind == "code":
            return self._end_of_code(final)
        find = {"row": self._end_of_row, "table_header": self._end_of_row, "heading": self._end_of_line}
        end = find.get(self._kind, self._end_of_sentence)(final)
        limit = self._start + LONGEST
        if (len(self._raw) > limit + _SLACK) if end is None else (end > limit):
            return max((m.start() for m in re.finditer(r"\s", self._raw[limit - _SLACK : limit])), default=0) + (
                limit - _SLACK
            )
        return end

    def _end_of_code(self, final: bool) -> int | None:
        assert self._start is not None
        opening = _FENCE.match(self._raw, self._start)
        assert opening is not None
        fence = opening[0]
        while (line_end := self._raw.find("\n", self._seen)) >= 0 or final:
            stop = line_end if line_end >= 0 else len(self._raw)
            line = self._raw[self._seen : stop].strip()
            closes = self._seen > self._start and line.startswith(fence) and not line.strip(fence[0])
            if closes or line_end < 0:
                return stop
            self._seen = stop + 1
        return None

    def _end_of_line(self, final: bool) -> int | None:
        end = self._raw.find("\n", self._seen)
        if end < 0:
            self._seen = len(self._raw)
            return len(self._raw) if final else None
        return end

    def _end_of_row(self, final: bool) -> int | None:
        """The first row of a table is its header if a rule follows, which then belongs to it."""
        end = self._end_of_line(final)
        if end is None or self._columns is not None:
            return end
        rule_end = self._raw.find("\n", end + 1)
        rule = self._raw[end + 1 : rule_end if rule_end >= 0 else len(self._raw)]
        other = rule.strip(" \t\r|:-")
        if rule_end < 0 and not other and not final:
            self._seen = end
            return None
        assert self._start is not None
        self._columns = ()
        if other or "-" not in rule:
            return end
        self._kind = "table_header"
        header = self._raw[self._start : end]
        self._columns = tuple(header[begin:stop].strip() for begin, stop in cell_spans(header))
        return end + 1 + len(rule)

    def _end_of_sentence(self, final: bool) -> int | None:
        assert self._start is not None
        while stop := _STOP.search(self._raw, self._seen):
            at = stop.start()
            if at > self._start + LONGEST:
                return at
            end = self._at_line_break(at, final) if stop.group() == "\n" else self._at_stop(stop, final)
            if end is None:
                self._seen = at
                return None
            if end:
                return end
            self._seen = stop.end()
        self._seen = len(self._raw)
        return len(self._raw) if final else None

    def _at_line_break(self, at: int, final: bool) -> int | None:
        """The sentence's end where a line break ends it, 0 where it does not, None while that is not known."""
        following = _space(self._raw, at)
        if following == len(self._raw):
            return at if final else None
        kind = self._line_kind(following, final)
        if kind is None:
            return None
        line = self._raw[max(self._raw.rfind("\n", self._body, at) + 1, self._body) : at].rstrip()
        hangs = 0 <= self._indent < following - at and self._raw[following].islower()  # below the words of its item
        ends = (
            "\n" in self._raw[at + 1 : following]
            or kind != "sentence"
            or _ITEM.match(self._raw, following)
            or (len(line) < _WRAPPED and not hangs)
            or line.endswith((":", ".", "!", "?", *_WIDE))
        )
        return at if ends else 0

    def _at_stop(self, stop: re.Match[str], final: bool) -> int | None:
        """The same for a full stop: the splitter is asked with the word that follows in view."""
        following = _AFTER_STOP.match(self._raw, stop.end())
        assert following is not None
        after, wide = following.end(), stop.group()[0] in _WIDE
        shown = _space(self._raw, after)
        rest = self._raw[shown : shown + _LONGEST_CITATION]
        if not rest or (rest[0] == "[" and "]" not in rest and len(rest) < _LONGEST_CITATION):  # a citation, perhaps
            if final:
                return 0 if rest else after
            return None
        if self._raw[after].isspace() or (after == stop.end() and not wide):
            return 0
        end = after + 1 if wide else self._end_of_word(after, final)
        if end is None:
            return None
        start = max(self._body, stop.start() - _IN_VIEW)
        ends = [start + boundary_end for _, boundary_end in sentence_boundaries(self._raw[start:end])]
        return after if any(stop.start() < place <= after for place in ends) else 0

    def _close(self, end: int) -> Segment:
        assert self._start is not None
        raw, start, kind = self._raw, self._start, self._kind
        text = raw[start:end].rstrip()
        if kind == "sentence" and _is_bold_heading(text, raw[end:]):
            kind = "heading"
        columns = self._columns or () if kind == "row" else ()
        segment = Segment(self._dropped + start, text, raw[self._end : start], kind, self._context, columns)
        if kind == "sentence" and introduces(text):
            self._leads.append((self._indent, text))
        self._start, self._end = None, start + len(text)
        return segment


def _is_bold_heading(text: str, rest: str) -> bool:
    """Whether a part in bold is the heading of what comes after it: of lines below, or of the rest of its list's item.

    Args:
        text: The part.
        rest: What comes after it.
    """
    item = _ITEM.match(text)
    words = text[item.end() :] if item else text
    if not _BOLD_LINE.fullmatch(words):
        return False
    if item:
        is_label = len(words.split()) <= _LONGEST_LABEL and not re.search(r"\d", words) and words.isascii()
        return is_label and bool(rest.strip()) and not rest.lstrip(" \t\r").startswith("\n")
    ends = words.rstrip("*_").endswith((".", "!", "?", *_WIDE))
    is_long = len(words.split()) > _LONGEST_TITLE or len(words) > _LONGEST_WORD
    return rest.lstrip(" \t\r").startswith("\n") and not (ends and is_long)


def introduces(text: str) -> bool:
    """Whether a sentence introduces what comes after it: `It has these parts:`."""
    return text.rstrip("*_ ").endswith(":")


def _space(text: str, start: int) -> int:
    space = _SPACE.match(text, start)
    assert space is not None
    return space.end()
