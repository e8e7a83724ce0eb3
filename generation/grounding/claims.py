"""Sentences, their citations, and which of them claim something."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sentencex

from .records import cell_spans

CITATION = r"\[\s*(?:[Pp]assages?\s+)?\d{1,4}(?:\s*[,;]\s*\d{1,4})*\s*\](?!\()"
"""`[1]`, `[1, 2]`, `[Passage 1]`; no link's text. A pattern without groups."""

_CODE_OR_CITATION = re.compile(rf"(`[^`\n]*`)|(?<!\S)\*\*{CITATION}\*\*(?!\w)|(?<![\w)])\({CITATION}\)|{CITATION}")
_LEADING_CITATIONS = re.compile(rf"(?:\s*{CITATION})+")

_SURROGATE = re.compile("[\ud800-\udfff]")
_ITEM_START = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•]|\d+[.)])\s)")

DECLINES = re.compile(
    r"""^(?![^.!?\n]*,\s(?:but|however|though|although)\b)\W*(?:(?:sorry|unfortunately),?\s|(?:based\son|according\sto)\s[^,.]{1,60},\s)?(?:
      i\s(?:do\snot|don['’]t)\s(?:know|have\s(?:enough|sufficient|any)\sinformation)
    | i\s(?:cannot|can['’]t|could\snot|couldn['’]t|am\sunable\sto|was\sunable\sto)\s(?:find|answer|determine|tell)
    | the\s(?:provided\s)?(?:passages|documents|information|context)[^.]{0,40}\s(?:(?:do|does)\snot|(?:do|does)n['’]t)\s
      (?:contain|mention|answer|provide|specify|say|state|include)
    | none\sof\sthe\s(?:provided\s)?(?:passages|documents)\b(?!\s(?:was|were|has\sbeen|have\sbeen)\s)
    | there\sis\sno\s(?:information|mention)\b(?!\s(?:desk|point|count|cent|sheet|sign|board|kiosk|office)\w*)
    | (?:it|this|that|the\s[^.,;:]{1,60})\s(?:is|are)\snot\s(?:mentioned|stated|specified|given|clear)
      \s(?:in|from|by)\sthe\s(?:provided\s)?(?:passages|documents|information)
    )""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence and where it stands in its text."""

    start: int
    end: int
    text: str


FRAGMENT = 5
"""Words. A shorter claim ("38 kg") is read with the question; to others it says nothing, and misleads."""
_ORDINAL = re.compile(r"(?<!\w)\d{1,2}\.\s+\Z")
_IN_VIEW = 8
"""Characters after a full stop in which it shows how the next word begins."""
_TITLE = re.compile(r"(?<!\d )\b(?:Ms|Cllr|Messrs|Hon|Rev|Supt|Insp)\.\s*\Z")
_ABBREVIATION = re.compile(
    r"\b(?:(?P<before_any>approx|incl|excl|cf|bzw)|(?P<before_number>nos?|tel|fax|vol|ch|eq|sect?|para|pos|apt|art|figs?"
    r"|\w*str)|avg|max|min|temp|hrs?|wks?|yrs?|mos?|ref|ext|dept|est|qty|ex)\.[*_]*\s*\Z",
    re.IGNORECASE,
)
"""After which a sentence goes on if what follows begins with a small letter; after some of them also before others."""
_HALF_OF_DAY = re.compile(r"\b[ap]\.m\.\s*\Z", re.IGNORECASE)
_WEEKDAY = re.compile(r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b")
_GERMAN_MONTH = re.compile(r"(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b")
"""After an ordinal it is a date, which English rules would cut in two."""


def split_sentences(text: str) -> list[Span]:
    """Split into sentences; offsets count code points and leave out the white space around a sentence.

    Citations after a full stop belong to the sentence before them.
    """
    spans: list[Span] = []
    for start, end in _boundaries(text):
        if spans and (leading := _LEADING_CITATIONS.match(text, start, end)):
            spans[-1] = Span(spans[-1].start, leading.end(), text[spans[-1].start : leading.end()])
            start = leading.end()
        stripped = text[start:end].strip()
        if stripped:
            start = text.index(stripped, start)
            spans.append(Span(start, start + len(stripped), stripped))
    return spans


def _boundaries(text: str) -> Iterator[tuple[int, int]]:
    """Sentences within list items and paragraphs, which often end without a full stop."""
    start = 0
    for item in [*_ITEM_START.finditer(text), None]:
        end = item.start() if item else len(text)
        for boundary_start, boundary_end in sentence_boundaries(text[start:end]):
            yield start + boundary_start, start + boundary_end
        start = end


def sentence_boundaries(text: str) -> list[tuple[int, int]]:
    """Where sentences start and end, with the white space after them; any text will do, also half a surrogate pair."""
    text = text if text.isascii() else _SURROGATE.sub("\ufffd", text)
    found: list[tuple[int, int]] = []
    for boundary in sentencex.get_sentence_boundaries("en", text):
        start, end = boundary["start_index"], boundary["end_index"]
        if found and _goes_on(text, *found[-1]):
            start = found.pop()[0]
        found.append((start, end))
    return found


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether what ends here is no sentence: an abbreviation, or the day of a German date."""
    if _GERMAN_MONTH.match(text, end) and _ORDINAL.search(text, start, end):
        return True
    if _HALF_OF_DAY.search(text, start, end) and _WEEKDAY.match(text, end):
        return True
    shortened = _ABBREVIATION.search(text, start, end)
    if _TITLE.search(text, start, end):
        return True
    following = text[end : end + _IN_VIEW].lstrip(" *_")
    if shortened is None or not following:
        return False
    number = following[0].isdigit() and bool(shortened["before_any"] or shortened["before_number"])
    capitals = bool(shortened["before_any"]) and following[:2].isupper()
    return following[0].islower() or number or capitals


def strip_citations(text: str) -> str:
    """The text without its `[n]`; what stands in backticks is code and keeps its own."""
    return without_citations(text).text


def without_citations(text: str) -> Claim:
    """The same, with where each character of it stood."""
    plain, places = _reduced(text, _PLAIN)
    return Claim(plain, "", places)


def cited_numbers(text: str) -> list[int]:
    """The numbers of `[n]` and `[n, m]`, each once, in order."""
    cited = (match.group() for match in _CODE_OR_CITATION.finditer(text) if not match.group(1))
    numbers = (int(number) for listed in cited for number in re.findall(r"\d+", listed))
    return list(dict.fromkeys(numbers))


def declines(text: str) -> bool:
    """Whether an answer says that it does not know."""
    return bool(DECLINES.match(strip_citations(text)))


@dataclass(frozen=True, slots=True)
class Claim:
    """What a sentence states, as a scorer reads it: without citations and Markdown."""

    text: str
    context: str
    """What introduces it, and is not claimed by it: the line above its list."""
    places: tuple[int, ...]
    """Where each character of `text` stands in the sentence; -1 for what does not stand there."""

    def asked(self, question: str) -> str:
        """What it answers, in one line: the question, and what introduces it."""
        return " ".join(f"{question} {self.context}".split())

    def located(self, spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        """Spans of `text` as spans of the sentence; those of what does not stand there are left out."""
        found = []
        for start, end in spans:
            places = [place for place in self.places[start:end] if place >= 0]
            if places:
                found.append((min(places), max(places) + 1))
        return tuple(found)


def claim_of(sentence: str, context: str = "") -> Claim | None:
    """What a sentence states; None for questions, refusals, courtesies, and what only introduces or points."""
    text, places = _reduced(sentence, (*_PLAIN, *_MARKUP))
    bare = text.rstrip("\"'”’»)")
    if not re.search(r"\w", text) or bare.endswith(("?", "？", "؟", ":")):
        return None
    if DECLINES.match(text) or _POINTS.fullmatch(text):
        return None
    if _COURTESY.match(text) or (_SAYS_NOTHING.match(text) and not _DIGIT.search(text)):
        return None
    return Claim(text, context, places)


def row_claim(row: str, columns: Sequence[str], context: str = "") -> Claim | None:
    """What a table's row states: `column: value; column: value`."""
    parts: list[str] = []
    places: list[int] = []
    for number, (start, end) in enumerate(cell_spans(row)):
        value, inside = _reduced(row[start:end], (*_PLAIN, *_MARKUP))
        if not re.search(r"\w", value):
            continue
        column = _reduced(columns[number], _MARKUP)[0] if number < len(columns) else ""
        before = ("; " if parts else "") + (f"{column}: " if column else "")
        parts.append(before + value)
        places += [-1] * len(before) + [start + place for place in inside]
    return Claim("".join(parts), context, tuple(places)) if parts else None


def is_claim(sentence: str) -> bool:
    """Whether a sentence states something that passages could support."""
    return claim_of(sentence) is not None


_PLAIN = (_CODE_OR_CITATION, re.compile(r"([ \t])[ \t]+"), re.compile(r"[ \t]+(?=[.,;:!?\n]|$)"))
"""What goes with a sentence's citations; a group stays."""
_MARKUP = (
    re.compile(r"^\s*(?:[-*+•–]|\d{1,3}[.)]|#{1,6}|>)\s+"),
    re.compile(r"!?\[([^\]\n]*)\]\([^)\s]*\)"),
    re.compile(r"\*\*|__|~~|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)"),
)
"""What goes of its Markdown."""
_POINTS = re.compile(
    r"""\W*(?:(?:see|in|from|source|answer|according\sto|as\s(?:stated|mentioned|described)\sin)\W+)?(?:the\s)?
    (?:(?:passages?|documents?|sources?|references?)(?:\W|\d|\band\b|\bor\b)*|\W*)""",
    re.IGNORECASE | re.VERBOSE,
)
"""`Passage 1.`, `See the passages.`: no more than a citation."""
_DIGIT = re.compile(r"\d")
"""A hedge that has one states a fact."""
_COURTESY = re.compile(
    r"""\W*(?:
      (?:sure|certainly|of\scourse|absolutely|okay|ok|great\squestion|thank\syou|thanks|you['’]re\swelcome|hello|hi)
      (?:\W*$|\W+(?:here|i|let|(?:happy|glad)\sto|thanks?|thank)\b)
    | here\s(?:is|are)\s(?:the|a|an|some|your|my)\s(?:short\s|brief\s)?
      (?:answers?|summary|overview|list|information|details|examples?|steps?)\b(?!\sprices?\b)
    | (?:please\s)?(?:let\sme\sknow|feel\sfree)\b
    | if\syou\s(?:have|need|want|would\slike)\b[^.]{0,80}
      (?:\bfeel\sfree|\b(?:just|please)\s(?:ask|contact|tell)|,\s(?:ask|tell)\sme\b|\blet\sme\sknow|\bhesitate
        |,\si(?:\s(?:can|could|would|will|am)\b|['’]))
    | (?:good\sluck|hope\s(?:this|that)\shelps|(?:best|kind|warm)\sregards|yours\s(?:sincerely|faithfully))\W*$
    | i\s(?:hope|apologi[sz]e)\b | i['’]m\s(?:sorry|happy|glad)\b | i(?:['’]d|\swould)\sbe\s(?:happy|glad)\b
    | as\san?\s(?:ai\s)?(?:large\s)?language\smodel\b | as\san\sai(?:,|\si\b|\b[^,.]{1,40},\si\b)
    | (?:[^,"“]{1,120},\s)?i(?:\swould|['’]d)?\s(?:recommend|suggest|advise)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_SAYS_NOTHING = re.compile(
    r"""\W*(?:(?:however|but|so|well|still),?\s)?(?:
      (?:it|this|that|these|they)\s(?:may|might|can|could|will)\s(?:vary|differ|depend|change)\b[^,;]{0,40}$
    | (?:it|this|that)\s(?:all\s)?depends\b[^,;]{0,40}$
    | (?:it|this)\sis\s(?:\w+\s)?(?:difficult|hard|impossible)\sto\s(?:say|tell|know|determine)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""Hedges without a fact; `It may weigh 40 kg` states one."""


def _reduced(text: str, patterns: Iterable[re.Pattern[str]]) -> tuple[str, tuple[int, ...]]:
    """The text without what the patterns match but their group, and where each character stood."""
    places = list(range(len(text)))
    for pattern in patterns:
        kept: list[int] = []
        last = 0
        for match in pattern.finditer(text):
            kept += range(last, match.start())
            if match.lastindex:
                kept += range(*match.span(1))
            last = match.end()
        if last:
            kept += range(last, len(text))
            text, places = "".join(text[place] for place in kept), [places[place] for place in kept]
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    return text[start:end], tuple(places[start:end])
