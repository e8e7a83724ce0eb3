"""A question of a chat, made to stand alone by rules: no model is asked.

The rules know English function words and the shape of a name, a year or a code; they parse nothing. Where they cannot
say a follow-up in one clean sentence they name what it is about: `Why? (about: the repair of Dagny)`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ._phrases import NAME, content_words, noun_phrases, person
from .grounding.claims import declines


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a chat and the answer it got; `Answer.turn` is that of an answer."""

    question: str
    """As it was typed, or better as it was searched for: made to stand alone."""
    answer: str
    cited: tuple[int, ...] = ()
    """The ids of the chunks that the answer cited."""


@dataclass(frozen=True, slots=True)
class Standalone:
    """A question that can be understood without its conversation."""

    query: str
    method: Literal["as it is", "rules"]


REMEMBERED = 6
"""How many turns back a question can lean."""


def standalone(question: str, history: Sequence[Turn]) -> Standalone:
    """A follow-up with the names and things that it refers to; any other question, and small talk, as it is.

    `history` holds the earlier turns, oldest first, their questions as typed or made to stand alone.
    """
    earlier: list[Turn] = []
    for turn in history[-REMEMBERED:]:
        if _is_question(turn.question):
            earlier.append(Turn(_rewritten(turn.question, earlier), turn.answer))
    query = _rewritten(question, earlier)
    return Standalone(query, "as it is" if query == question else "rules")


def carried(question: str, history: Sequence[Turn]) -> tuple[int, ...]:
    """The ids of the chunks that the last answer cited, when the question leans on it; else none."""
    real = [turn for turn in history if _is_question(turn.question)]
    return real[-1].cited if real and standalone(question, history).method == "rules" else ()


_SMALL_TALK = re.compile(
    r"(?:\W|\b(?:ok(?:ay)?|thanks?|thank you|thx|cheers|great|good|nice|cool|perfect|fine|right|got it|i see|very"
    r"|much|a lot|so|yes|no|hello|hi|hey|bye|goodbye|well done|alright|all right|interesting|wonderful)\b)+",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"\s*\(about: (.*)\)$")
_CORRECTION = re.compile(
    r"^\W*(?:(?:(?:no|sorry|oops|wait|actually)\b\W*)*(?:i (?:meant|mean|was asking about)|not that|rather)\b|no,)\W*",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"^\W*(?:(?:going |coming )?back to|returning to|regarding|concerning|as for|about)\s+([^:,]+)[:,]\s*",
    re.IGNORECASE,
)
_OPENER = re.compile(r"^\W*(?:(?:and|but|or|so|then|also|what about|how about|what of)\b\W*)+", re.IGNORECASE)
_ASKS = re.compile(
    r"^(?:(?:for|from|to|in|at|by|on|of|with|since|until|up to|within|between|under) )?"
    r"(?:who|whom|whose|what|which|when|where|why|how|is|are|was|were|do|does|did|has|have|had|can|could|will|would|(?-i:may)"
    r"|May(?!\s*$|\s*[?,.\d]|\s+(?:and|or|to|of)\b)|might|must|shall|should|am|list|show|give|tell|describe|explain|compare|name|summari[sz]e|find)\b",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"^(?:(?:for|from|to|in|at|by|on|of|with|since|until) )?(?:who|whom|what|which|when|where|why|how)"
    r"(?: (?:not|else|exactly|so|come|much|many|long|often|far|old|big|high|deep|large|one|ones|year|day))*\W*$",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"\W*(?:please )?(?:tell me more|(?:some )?more(?: details?| information)?|explain(?: more)?|elaborate|go on"
    r"|continue|really|are you sure|is (?:that|this) (?:so|true|right|correct)|such as|for example"
    r"|(?:what|anything) else|how so|what does (?:that|this|it) mean)(?: please)?\W*",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|thanks?|thank you|great|good|well|yes|hm+|i see|right|please)\b[\s,.!]+)+",
    re.IGNORECASE,
)
_EMPTY_IT = re.compile(  # the "it" of "is it true that" and "how long does it take to" stands for nothing
    r"\bit (?:is |was |be )?(?:true|possible|allowed|necessary|permitted|required|safe|likely|important|clear|mandatory"
    r"|legal|ok|okay|correct|right|normal|take|takes|rain|rains|snow|snows)\b(?=.* (?:that|to|if|for|when)\b)"
    r"|\bdoes it (?:matter|mean) (?:if|that|when)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:(?P<person>he|him|his|she|her|hers)|(?P<many>they|them|their|theirs)|(?P<thing>it|its)"
    r"|(?P<pointer>(?:this|that|these|those)(?: ones?)?))\b(?!')",
    re.IGNORECASE,
)
_POINTER_BEFORE = re.compile(
    r"(?:^|\b(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|may|must|should|of|for|from|to|in|at|by|on"
    r"|with|about|before|after|beyond|above|below|under|than|like|since|until|during|against|over|behind|without|why|all|compare))\W*$",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"(?<!is )(?<!are )(?<!was )(?<!were )(?<!be )(?<!been )\bthere\b(?! (?:is|are|was|were|be|will|has|a|any)\b)"
    r"|\b(?:the (?:same|other|first|second|third|last|former|latter|previous|next|present|old|new)|another|which)"
    r" ones?\b"
    r"|\b(?:the others?|the former|the latter|the same|instead|else|then)\b(?!\s+[a-z])",
    re.IGNORECASE,
)
_VERB_AFTER = re.compile(
    r"\s+(?:is|are|was|were|be|been|do|does|did|has|have|had|can|could|will|would|may|must|should|and|or|in|at|on|for|than"
    r"|to|with|more|less|not|still|also|happen|happens|cost|costs|mean|means|work|works|take|takes|apply|applies|start|starts"
    r"|end|ends|compare|compares|measured|calculated|done|decided|paid|called|used|true|correct|allowed|so)\b",
    re.IGNORECASE,
)
_AUXILIARY = "do|does|did|has|have|had|can|could|will|would|may|must|shall|should"
_ASKED_OF = re.compile(  # "Which oil does K3 need?": "it" may be either
    rf"(?:which|what|how much) (?!(?:time|day|date|year|is|are|was|were|{_AUXILIARY})\b)"
    rf"(?:[a-z]+ ){{1,2}}(?:{_AUXILIARY}|(?:is|are|was|were)(?! (?:the|a|an)\b| (?-i:[A-Z])))\b",
    re.IGNORECASE,
)
_YES_OR_NO = re.compile(
    rf"^(?:is|are|was|were|{_AUXILIARY})(?: (?!(?:the|a|an|there)\b)[a-z]+){{2,3}}\W*$", re.IGNORECASE
)
_TIME = re.compile(r"\s+(?:night|day|morning|evening|week|month|year|time|case|event)\b")
_PLURAL = re.compile(r"[a-z][^\Wsui]s$")
_TO_NEXT_PREPOSITION = r"(?:(?!\b(?:for|in|at|on|by|from|to|with|after|before)\b)[^?,)])+"
_CLAUSE = re.compile(
    r"[,;:]|\b(?:when|if|because|while|before|after|until|once|and|or|so|but|unless|who|which)\b", re.IGNORECASE
)


def _rewritten(question: str, earlier: Sequence[Turn]) -> str:
    """The question made to stand alone; the questions of `earlier` do so already."""
    if not earlier or _ABOUT.search(question) or not _is_question(question):
        return question
    last = earlier[-1]
    rest = _COURTESY.sub("", question)
    if back := _BACK.match(rest):
        return _returned(rest[back.end() :], back[1], earlier)
    if corrected := _CORRECTION.match(rest):
        return _continued(rest[corrected.end() :], last)
    opener = _OPENER.match(rest)
    rest = rest[opener.end() :] if opener else rest
    if _BARE.match(rest) or _MORE.fullmatch(rest) or (not _ASKS.match(rest) and (opener or _is_fragment(rest))):
        return _continued(rest, last)
    resolved = _without_pronouns(rest, earlier)
    if resolved != rest:
        return resolved
    leans = opener or _ELSEWHERE.search(rest) or _names_known_thing(rest, last) or _is_bare_yes_or_no(rest)
    return _about(rest, _gist(last.question)) if leans else question


def _is_question(text: str) -> bool:
    """Whether there is anything to look for: small talk is left alone."""
    return bool(re.search(r"\w", text)) and not _SMALL_TALK.fullmatch(text)


def _is_fragment(text: str) -> bool:
    """Whether a text without a question word goes on with the last question, and is no row of key words."""
    return len(text.split()) <= 2 or (len(text.split()) <= 5 and bool(_PREPOSITION.match(text)))


def _returned(rest: str, subject: str, earlier: Sequence[Turn]) -> str:
    """A question about a subject of an earlier turn."""
    words = content_words(subject)
    phrases = (phrase for turn in reversed(earlier) for phrase in noun_phrases(_plain(turn.question)))
    named = next((phrase for phrase in phrases if words and words <= content_words(phrase)), subject)
    resolved = _without_pronouns(rest, [Turn(named, "")])
    return _about(rest, named) if resolved == rest else _capital(resolved)


def _plain(query: str) -> str:
    """A query without what it is about."""
    return _ABOUT.sub("", query).strip(" ?.!")


def _gist(query: str) -> str:
    """All that a query speaks of."""
    about = _ABOUT.search(query)
    return f"{_OPENER.sub('', _plain(query))}; {about[1]}" if about else _plain(query)


def _topic(query: str) -> str | None:
    """The thing that a query is about, where it has an article or a name to tell it by, and is the only one."""
    phrases = noun_phrases(_plain(query), sure=True) or noun_phrases(_gist(query), sure=True)
    if not phrases or _ASKED_OF.match(query) or any(m[0] not in phrases[0] for m in _things_with_signs(_plain(query))):
        return None
    return phrases[0]


def _about(question: str, topic: str) -> str:
    known = content_words(topic) <= content_words(question)
    return _capital(question) if known else f"{_capital(question)} (about: {topic})"


def _capital(question: str) -> str:
    return question[:1].upper() + question[1:]


# Ellipsis: "And in 2022?", "What about Brage?", "Why?"

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_MONTH = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b(?: \d{4})?"
)
_CODE = re.compile(r"\b(?:[A-Z]{1,3}-?\d+|\d{1,3}[A-Za-z])\b")
_SIGN = rf"(?P<sign>{_CODE.pattern}|[A-Z]\b|\d{{1,3}}\b(?![.,]\d))"
_SIGNED = re.compile(rf"\b(?P<noun>[A-Za-z]{{3,}}) {_SIGN}")
_NAMES = re.compile(rf"{NAME.pattern}(?:(?:, | and | or |, and |, or ){NAME.pattern})*")
_PREPOSITION = re.compile(
    r"^(for|in|at|on|by|from|to|of|with|within|under|after|before|during|without|between|above|below|per)\s",
    re.IGNORECASE,
)


def _continued(fragment: str, last: Turn) -> str:
    """The last question with its like part replaced by the fragment; or the fragment, about the last question."""
    fragment = fragment.strip(" ?.!,;:")
    if not fragment:
        return last.question
    if _BARE.match(fragment) or _MORE.fullmatch(fragment):  # it asks about what the answer says
        said = "" if declines(last.answer) else "; " + re.split(r"(?<=[.!?])\s", last.answer.strip(), maxsplit=1)[0]
        return f"{_capital(fragment)}? (about: {_gist(last.question)}{said})"
    if _ASKS.match(fragment):
        return _rewritten(f"{fragment}?", [last])
    if signed := _signed(fragment, last.question):
        return signed
    for like in (_CODE, _MONTH, _YEAR):
        new = like.search(fragment)
        if new and not content_words(fragment) - content_words(new[0]):
            old = _last_match(like, last.question)
            if old:
                return _put(last.question, old, new[0])
            if like is not _CODE:
                return _extended(last.question, fragment)
    replaced = _replaced(fragment, last.question)
    return replaced or f"What about {fragment}? (about: {_gist(last.question)})"


def _signed(fragment: str, asked: str) -> str | None:
    """`asked` with the letter or number of one thing for that of its like: "in version 2", "hall C", or only "C"."""
    new = re.search(rf"(?:\b(?P<noun>[A-Za-z]{{3,}}) |\b){_SIGN}$", fragment, re.IGNORECASE)
    if new is None or content_words(fragment) - content_words(new[0]):
        return None
    noun = new["noun"] if new["noun"] and content_words(new["noun"]) else ""
    for old in reversed(_things_with_signs(asked)):
        if old["noun"].lower() == noun.lower() or (not noun and _shape(old["sign"]) == _shape(new["sign"])):
            return asked[: old.start("sign")] + new["sign"].upper() + asked[old.end("sign") :]
    return None


def _things_with_signs(text: str) -> list[re.Match[str]]:
    """The likes of "flat 4B", "hall B", "version 1", "compressor K3"."""
    return [match for match in _SIGNED.finditer(text) if content_words(match["noun"])]


def _shape(sign: str) -> str:
    return re.sub(r"\d+", "0", re.sub(r"[A-Za-z]+", "A", sign))


def _put(text: str, old: re.Match[str], new: str) -> str:
    return text[: old.start()] + new + text[old.end() :]


def _extended(asked: str, fragment: str) -> str:
    about = _ABOUT.search(asked)
    return f"{_plain(asked)} {fragment}?{about[0] if about else ''}"


def _last_match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(reversed(list(pattern.finditer(text)))), None)


def _replaced(fragment: str, asked: str) -> str | None:
    """`asked` with a name for a name, a phrase of one preposition for another, or a noun for a noun of one head."""
    if (new := _NAMES.fullmatch(fragment)) and (old := _NAMES.search(asked, 1)):
        return _put(asked, old, new[0])
    if preposition := _PREPOSITION.match(fragment):
        old = re.search(rf"\b{preposition[1]}\s{_TO_NEXT_PREPOSITION}", asked, re.IGNORECASE)
        if old:
            return _put(asked, old, fragment + " " * old[0].endswith(" "))
        return _extended(asked, fragment)
    head = fragment.split()[-1].lower()
    for phrase in noun_phrases(asked):
        if head not in ("one", "ones") and phrase.split()[-1].lower() == head:
            return asked.replace(phrase, fragment)
    return None


# Pronouns: "When does it expire?"


def _without_pronouns(question: str, earlier: Sequence[Turn]) -> str:
    """The question with what its first pronoun stands for; itself when none leans on what was said before."""
    empty = _EMPTY_IT.search(question)
    for match in _PRONOUN.finditer(question):
        before, after = question[: match.start()], question[match.end() :]
        if match["thing"] and empty and empty.start() <= match.start() < empty.end():
            continue
        noun_follows = bool(re.match(r"\s+[a-z]", after)) and not _VERB_AFTER.match(after)
        stands_free = _POINTER_BEFORE.search(before) or not re.search(r"\w", after)
        if match["pointer"] and not (stands_free or (noun_follows and _TIME.match(after))):
            continue
        if not match["person"] and _named_inside(before):
            continue
        if match["pointer"] and noun_follows:  # "those limits"
            return _about(question, _gist(earlier[-1].question))
        thing = _meant(match, earlier)
        if thing is None:
            return _about(question, _gist(earlier[-1].question))
        owner = match[0].lower() in ("his", "its", "their", "theirs", "hers") or (
            match[0].lower() == "her" and noun_follows
        )
        return _capital(f"{before}{thing}{chr(39) + 's' if owner else ''}{after}")
    return question


def _meant(pronoun: re.Match[str], earlier: Sequence[Turn]) -> str | None:
    """What a pronoun stands for."""
    last = earlier[-1]
    if pronoun["many"] or pronoun[0].lower().startswith(("these", "those")):
        return next((p for p in noun_phrases(_plain(last.question)) if _PLURAL.search(p)), None)
    if pronoun["person"]:
        named = (person(turn.answer) or person(turn.question) for turn in reversed(earlier))
        name = next(filter(None, named), None) or _last_match(NAME, last.question[1:])
        return name if isinstance(name, str) or name is None else name[0]
    return _topic(last.question)


def _named_inside(before: str) -> bool:
    """Whether an earlier clause of the same question names a thing."""
    clause = _last_match(_CLAUSE, before)
    return clause is not None and bool(noun_phrases(before[: clause.start()]))


def _is_bare_yes_or_no(question: str) -> bool:
    """Whether a question of a few words names nothing that could stand alone: "are pets allowed?"."""
    return bool(_YES_OR_NO.match(question) and not NAME.search(question, 1) and content_words(question))


def _names_known_thing(question: str, last: Turn) -> bool:
    """Whether a short question speaks of "the repair" as of something known, and names nothing by itself."""
    if NAME.search(question, 1) or re.search(r"\d", question) or len(content_words(question)) > 4:
        return False
    known = content_words(f"{last.question} {last.answer}")
    things = (phrase.split() for phrase in noun_phrases(question))
    return any(len(t) == 2 and t[0].lower() == "the" and content_words(t[1]) & known for t in things)
