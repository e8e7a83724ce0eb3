"""What a claim says of a record's yes-or-no attributes, held against their values.

"Offers delivery" where `"delivery": false`, "no Wi-Fi" where it is free, or either where it is null. A network of the
verifier's size finds such words in the record and is content. Told by the form of the sentence: where other text of the
passages speaks of the attribute, or the sentence leaves doubt, nothing is said.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Span = tuple[int, int]

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_YES, _NO = frozenset({"yes", "true", "free", "paid", "y"}), frozenset({"no", "false", "n", "none"})
_ENDINGS = re.compile(r"(?<=[a-z]{3})(?:ations?|ings?|ies|ed|es|s|y)$")
_GENERIC = frozenset(
    "is are has have offers accepts accepted allows allowed available availability provided included includes with and "
    "or of for the a an good suitable restaurants restaurant business hotel options option service services".split()
)
"""Words of a key by which nobody names what it is about."""
_ALSO = {
    "wifi": r"wi[-\s]?fi|wireless\sinternet",
    "takeout": r"take[-\s]?outs?|take[-\s]?aways?|carry[-\s]?outs?",
    "reserv": r"reserv(?:e|ing|ations?)\b(?!\s+(?:of|about))",
}
_SCENE = r"ambian?ences?|ambiances?|atmospheres?|settings?|vibes?|environments?|feel|mood|d[eé]cor"
_BESIDE = {"ambience": _SCENE, "ambiance": _SCENE, "atmosphere": _SCENE}
"""By what else a group of attributes is named in a sentence."""
_MOST_WORDS = 3
_LEAST_TOLD = 2
"""Attributes of a record that are yes or no where null means unknown; elsewhere it may mean that there is none."""
_NEGATIVE = r"(?:\b(?:not|never|neither|nor|no|nothing|cannot|lacks?|lacking)\b|n['’]t\b)"
_VERB = (
    r"(?:is|are|was|were|has|have|had|does|do|did|can|cannot|may|might|will|must|offers?|provides?|accepts?|features?"
    r"|allows?|takes?|serves?|includes?|plays?|welcomes?|delivers?|lacks?|gives?|(?:is|are|does|do|ca)n['’]t)\b"
)
_BREAK = re.compile(
    r"[;:.()]|\s[-–—]\s|,?\s+(?:but|although|though|while|whereas|however|except)\b|,\s+(?:with|only|plus|yet|which|who|as|so|since)\b|\s+because\b"
    rf"|(?P<joint>(?:,|,?\s+and)\s+(?!or\b|nor\b)(?=(?:[\w'’/-]+\s+){{0,5}}?{_VERB}))",
    re.IGNORECASE,
)
"""Where one statement ends and another begins; at a joint only if there is one before it."""
_STATES = re.compile(rf"\b{_VERB}|{_NEGATIVE}", re.IGNORECASE)
_BEFORE = re.compile(rf"{_NEGATIVE}|\bwithout\b(?!.*(?:,|\band\b))", re.IGNORECASE)
"""What denies all that follows in a statement; "without" denies only the next thing."""
_AFTER = re.compile(
    r"(?:[\s,/&]*\b(?!(?:which|that|who|where|with|for|if)\b)[\w'’-]+){0,10}?[\s,]*"
    r"\b(?:(?:is|are|was|were|do|does|can|may|must|will|has|have|need)(?=n['’]t|\b)"
    r"(?:\s+(?:all|both|also|currently|either|each|listed|marked|noted|tagged|shown|set|as|to|be|being))*"
    r"(?P<no>n['’]t\b|\s+(?:not|unavailable|false|no|never|absent|lacking|missing|prohibited|forbidden|banned|off)\b)?"
    r"|(?P<cannot>cannot)\b)",
    re.IGNORECASE,
)
"""The verb of which a thing or a list of things is the subject."""
_UNSURE = re.compile(
    r"\b(?:whether|if|unless|except|besides|apart|other\sthan|rather\sthan|instead|not\sonly|used\sto|formerly|previously"
    r"|unclear|unknown|unspecified|undisclosed|information|mention(?:s|ed)?|specif(?:y|ies|ied)|indicat\w+|stated?|wish\w*"
    r"|should|would|could|might|limited|some|n/a|null|data|records?|listing|separate(?:ly)?|nearby|elsewhere)\b"
    r"|not\s(?:\w+\s)?(?:listed|known|provided|given|clear|confirmed)\b|no\s(?:details?|data|word)\b",
    re.IGNORECASE,
)
"""With such words a sentence may say something else of an attribute than that it is there or not."""
_UNTOLD = re.compile(
    rf"(?:{_NEGATIVE}|\bnone\b).*\b(?:record|report|nam|list|giv|provid|stat|not|address|show|includ|describ|document|enter|fill"
    r"|announc|disclos|display|present|publish)(?:e|ed|en|n|s|es|ing)?\b|\b(?:empty|blank|missing|open|left\sout)\b",
    re.IGNORECASE,
)
"""With this a statement says that nothing is said."""
_FREE, _PAID = r"(?:free|complimentary|no-charge)", r"(?:paid|chargeable|fee-based)"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a record."""

    named: re.Pattern[str]
    """How a sentence names it."""
    value: bool | str | None
    """Whether it holds; None where the record has null. What it is, where that is neither, so that nothing follows."""
    beside: re.Pattern[str] | None = None
    """What the sentence must say besides, for a member of a group: "parking" with "garage"."""
    members: re.Pattern[str] | None = None
    """For a group without a member that holds: its members, who speak for themselves."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of the records among passages."""

    known: Sequence[Attribute] = field(default=())
    words: frozenset[str] = frozenset()
    """Of the other texts."""

    @classmethod
    def of(cls, records: Sequence[Any], others: Sequence[str]) -> Attributes:
        """Gather them; what several records or other texts speak of is left out.

        Args:
            records: As parsed.
            others: The passages that are no records.
        """
        found = [one for record in records for one in _attributes(record, "")]
        values = defaultdict[tuple[str, str], set[object]](set)
        for one in found:
            values[_key(one)].add(one.value)
        texts = [*others, *(text for record in records for text in _texts(record))]
        kept = {
            _key(one): one
            for one in found
            if len(values[_key(one)]) == 1 and not isinstance(one.value, str) and not any(map(one.named.search, texts))
        }
        return cls(tuple(kept.values()), frozenset(word for text in texts for word in _long_words(text)))

    def refuted(self, claim: str) -> Iterator[Span]:
        """Where a claim names an attribute and says of it what the record does not."""
        if not self.known or _UNSURE.search(claim):
            return
        for start, statement in _statements(claim):
            for one in self.known:
                if one.beside and not one.beside.search(claim):
                    continue
                if one.members and one.members.search(claim):
                    continue
                found = one.named.search(statement)
                if not found or (one.value is None and self._may_be_told(statement, found)):
                    continue
                if _holds(statement, *found.span()) is not one.value:
                    yield start + found.start(), start + found.end()


    def _may_be_told(self, statement: str, named: re.Match[str]) -> bool:
        """Whether other text may say what a null does not, or the statement says no more than that it is not told."""
        others = _long_words(f"{statement[: named.start()]} {statement[named.end() :]}")
        return bool(_UNTOLD.search(statement)) or 2 * len(others & self.words) > max(len(others), 2)


def _long_words(text: str) -> set[str]:
    return {word for word in re.findall(r"[^\W\d_]{4,}", text.lower()) if word not in _GENERIC}


def _key(one: Attribute) -> tuple[str, str]:
    return one.named.pattern, one.beside.pattern if one.beside else ""


def _attributes(value: Any, name: str) -> Iterator[Attribute]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _attributes(one, name)
    if not isinstance(value, dict):
        return
    truths = {str(key): _truth(v) for key, v in value.items() if _is_truth(v)}
    group = _group(name) if len(truths) > 1 and all(map(_is_truth, value.values())) else None
    members = [pattern for key in truths if (pattern := _named(key))]
    told = sum(truth is not None for truth in truths.values()) >= _LEAST_TOLD
    for key, v in value.items():
        pattern = _named(str(key))
        if pattern and not isinstance(v, dict | list | tuple) and (str(key) not in truths or (v is None and not told)):
            yield Attribute(_compiled(pattern), str(v), group)
        elif pattern and str(key) in truths:
            yield Attribute(_compiled(pattern), truths[str(key)], group)
            if isinstance(v, str) and v.lower() in ("free", "paid"):
                wrong = _PAID if v.lower() == "free" else _FREE
                yield Attribute(_compiled(rf"{wrong}\s+(?:{pattern})"), False)
        else:
            yield from _attributes(v, str(key))
    if group and members and name.lower() not in _BESIDE and not any(truths.values()):
        every = False if all(v is False for v in truths.values()) else None
        yield Attribute(group, every, None, _compiled("|".join(members)))


def _group(name: str) -> re.Pattern[str] | None:
    """How a group's name is said beside its members; None where it only says that there are attributes."""
    words = [word for word in _words(name) if word not in _CONTAINERS]
    if not words or len(words) != len(_words(name)):
        return None
    return _compiled(_BESIDE.get(words[-1], rf"{_stem(words[-1])}\w*"))


_CONTAINERS = frozenset(
    "attributes attribute features feature amenities facilities details info information options equipment policies "
    "policy services properties flags settings specifications specs extras included other general".split()
)


def _named(key: str) -> str | None:
    words = [word for word in _words(key) if word not in _GENERIC]
    if not 0 < len(words) <= _MOST_WORDS or sum(map(len, words)) < 3:
        return None
    if known := _ALSO.get("".join(words)) or _ALSO.get(_stem(words[-1])) if len(words) < 3 else None:
        return known
    return r"[-\s]?".join([*map(re.escape, words[:-1]), rf"{re.escape(_stem(words[-1]))}\w{{0,5}}"])


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _stem(word: str) -> str:
    return _ENDINGS.sub("", word)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w])", re.IGNORECASE)


def _is_truth(value: Any) -> bool:
    return value is None or isinstance(value, bool) or (isinstance(value, str) and _truth_of(value) is not _UNKNOWN)


_UNKNOWN = object()


def _truth_of(text: str) -> object:
    word = text.strip().lower()
    if word in ("", "null", "nan") or text == "None":
        return None
    return True if word in _YES else False if word in _NO else _UNKNOWN


def _truth(value: Any) -> bool | None:
    found = _truth_of(value) if isinstance(value, str) else value
    return found if isinstance(found, bool) else None


def _texts(value: Any) -> Iterator[str]:
    """The strings of a record that are not yes or no."""
    if isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
    elif isinstance(value, str) and not _is_truth(value):
        yield value


def _statements(claim: str) -> Iterator[tuple[int, str]]:
    """The parts of a claim that deny and affirm by themselves, with their places."""
    at = 0
    for found in _BREAK.finditer(claim):
        if found["joint"] and not _STATES.search(claim, at, found.start()):
            continue
        yield at, claim[at : found.start()]
        at = found.start()
    yield at, claim[at:]


def _holds(statement: str, start: int, end: int) -> bool:
    """Whether a statement says of what it names there that it holds."""
    after = _AFTER.match(statement, end)
    if after and (after["no"] or after["cannot"]):
        return False
    return not _BEFORE.search(statement, 0, start)
