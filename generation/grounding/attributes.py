"""What a claim says of a record's yes-or-no attributes, held against their values.

"Offers delivery" where `"delivery": false`, "no Wi-Fi" where it is free, or either where it is null. A network of the
verifier's size finds such words in the record and is content. Where other text of the passages speaks of the attribute,
or the sentence leaves doubt, nothing is said.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .affirming import NEGATIVE, holds, statements
from .language import language

Span = tuple[int, int]

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_TRUTHS = {"yes": True, "true": True, "free": True, "paid": True, "no": False, "false": False}
_GENERIC = frozenset(
    "is are has have offers accepts accepted allows allowed available availability provided included includes with and "
    "or of for the a an good suitable restaurants restaurant business hotel options option service services".split()
)
"""Words of a key by which nobody names what it is about."""
_CONTAINERS = frozenset(
    "attributes attribute features feature amenities facilities details info information options equipment policies "
    "policy services properties flags settings specifications specs extras included other general".split()
)
"""Words of a key that only say that attributes follow."""
_ALSO = {
    "wifi": r"wi[-\s]?fi",
    "takeout": r"take[-\s]?outs?|take[-\s]?aways?|carry[-\s]?outs?",
    "delivery": r"delivery|deliveries|delivers",
    "parking": r"parking|park(?:ed)?\s+(?:in|on|at)",
    "wheelchairaccessible": r"wheelchair[-\s]?(?:access(?:ible)?|friendly)",
    "ambience": (scene := r"ambian?ences?|ambiances?|atmospheres?|settings?|vibes?|environments?|feel|mood|d[eé]cor"),
    "ambiance": scene,
    "atmosphere": scene,
}
"""Other names of things."""
_SCENES = frozenset({"ambience", "ambiance", "atmosphere"})
_SUITED = re.compile(
    r"\b(?:good|great|ideal|perfect|suit\w*|fit\w*|appropriate|accommodat\w*|friendly|recommended|welcom\w*|cater\w*)\b",
    re.IGNORECASE,
)
_STATE = re.compile(r"\w+ed|paid|sold|sent|held|built|out|off|on")
"""A key's last word that tells a state: "shipped" is also said of what can or will be."""
_MOST_WORDS = 3
_MOST_ATTRIBUTES = 500
"""Of all records; where there are more, nothing is said."""
_LEAST_TOLD = 2
"""Attributes of a record that are yes or no where null means unknown; elsewhere it may mean that there is none."""
_UNSURE = re.compile(
    r"\b(?:whether|if|unless|except|besides|apart|other\sthan|rather\sthan|instead|not\sonly|not\sjust|used\sto|formerly"
    r"|previously|unclear|unknown|unspecified|undisclosed|information|mention(?:s|ed)?|specif(?:y|ies|ied)|indicat\w+"
    r"|stated?|wish\w*|should|would|could|might|miss(?:es)?|limited|some|n/a|null|data|records?|listing|separate(?:ly)?"
    r"|nearby|elsewhere|nobody|no\sone|none|nothing|never)\b"
    r"|not\s(?:\w+\s)?(?:listed|known|provided|given|clear|confirmed)\b|no\s(?:details?|data|word)\b",
    re.IGNORECASE,
)
"""With such words a sentence may say something else of an attribute than that it is there or not."""
_UNTOLD = re.compile(
    r"\b(?:recorded|reported|named|listed|given|provided|stated|addressed|shown|included|described|documented|entered"
    r"|filled|announced|disclosed|displayed|presented|published|said|known?|tell|told|set|yet|entry|value|field|quiet"
    r"|guess|dark|empty|blank)\b",
    re.IGNORECASE,
)
"""With this and a negative word a statement may say that nothing is said."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a record."""

    words: frozenset[str]
    """Of its key, without those that name nothing."""
    named: re.Pattern[str]
    """How a sentence names it."""
    value: bool | str | None
    """Whether it holds; None where the record has null. What it is, where that is neither, so that nothing follows."""
    beside: re.Pattern[str] | None = None
    """What the sentence must say besides, as for a member of a group: "parking" with "garage"."""
    members: re.Pattern[str] | None = None
    """For a group without a member that holds: its members, who speak for themselves."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of the records among passages."""

    known: Sequence[Attribute] = ()
    words: frozenset[str] = frozenset()
    """Of the other texts."""

    @classmethod
    def of(cls, records: Sequence[Any], others: Sequence[str]) -> Attributes:
        """Gather them; what several records or other texts speak of is left out.

        Args:
            records: As parsed.
            others: The passages that are no records.
        """
        found = list(islice((one for record in records for one in _attributes(record, "")), _MOST_ATTRIBUTES + 1))
        if len(found) > _MOST_ATTRIBUTES:
            return cls()
        values = defaultdict[object, set[object]](set)
        for one in found:
            values[one.named, one.beside].add(one.value)
        texts = [*others, *(text for record in records for text in _texts(record))]
        kept = {
            (one.named, one.beside): one
            for one in found
            if len(values[one.named, one.beside]) == 1
            and not isinstance(one.value, str)
            and not any(one.words < other.words for other in found)
            and not any(map(one.named.search, texts))
        }
        return cls(tuple(kept.values()), frozenset(word for text in texts for word in _long_words(text)))

    def refuted(self, claim: str) -> Iterator[Span]:
        """Where a claim names an attribute and says of it what the record does not."""
        if not self.known or _UNSURE.search(claim) or language(claim) not in (None, "en"):
            return
        for start, statement in statements(claim):
            for one in self.known:
                found = one.named.search(statement)
                if not found or (one.beside and not one.beside.search(claim)):
                    continue
                if one.members and one.members.search(claim):
                    continue
                said = holds(statement, *found.span(), one.beside)
                if said is None or said is one.value or (one.value is None and self._may_be_told(statement, found)):
                    continue
                yield start + found.start(), start + found.end()

    def _may_be_told(self, statement: str, named: re.Match[str]) -> bool:
        """Whether other text may say what a null does not, or the statement says no more than that it is not told."""
        others = _long_words(f"{statement[: named.start()]} {statement[named.end() :]}")
        known = 2 * len(others & self.words) > max(len(others), 2)
        return known or bool(_UNTOLD.search(statement) and NEGATIVE.search(statement))


def _attributes(value: Any, name: str) -> Iterator[Attribute]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _attributes(one, name)
    if not isinstance(value, dict):
        return
    truths = {key: truth for key, v in value.items() if (truth := _truth(v)) is not Ellipsis}
    group = _group(name) if len(truths) > 1 and len(truths) == len(value) else None
    told = sum(truth is not None for truth in truths.values()) >= _LEAST_TOLD
    for key, v in value.items():
        words, pattern = _named(str(key))
        if isinstance(v, dict | list | tuple):
            yield from _attributes(v, str(key))
        elif pattern:
            truth = truths.get(key, str(v))
            known = truth if truth is not None or told else "null"
            beside = _SUITED if words < (all_of := set(_words(str(key)))) and {"good", "for"} <= all_of else group
            yield Attribute(words, pattern, known, beside)
            if v in ("free", "paid"):
                other = "paid|chargeable" if v == "free" else "free|complimentary"
                yield Attribute(words, _compiled(rf"(?:{other})\s+(?:{pattern.pattern})"), False)
    members = [pattern.pattern for key in truths if (pattern := _named(str(key))[1])]
    if group and members and not _SCENES & set(_words(name)) and not any(truths.values()):
        every = False if all(truth is False for truth in truths.values()) else None
        yield Attribute(frozenset(_words(name)), group, every, None, _compiled("|".join(members)))


def _truth(value: Any) -> Any:
    """True, False, None, or Ellipsis for what is none of these."""
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, str) or (value.isupper() and len(value) < 3):  # Norway is NO
        return ...
    return _TRUTHS.get(value.lower(), None if value.lower() in ("", "null", "nan") else ...)


def _group(name: str) -> re.Pattern[str] | None:
    """How a group's name is said beside its members; None where it only says that there are attributes."""
    words = _words(name)
    return None if not words or _CONTAINERS & set(words) else _compiled(_form(words[-1]))


def _named(key: str) -> tuple[frozenset[str], re.Pattern[str] | None]:
    """The words of a key, and how sentences name what it is about; None where none would."""
    words = [word for word in _words(key) if word not in _GENERIC]
    if not 0 < len(words) <= _MOST_WORDS or sum(map(len, words)) < 3:
        return frozenset(words), None
    if known := _ALSO.get("".join(words)):
        return frozenset(words), _compiled(known)
    if _STATE.fullmatch(words[-1]):
        return frozenset(words), None
    return frozenset(words), _compiled(r"[-\s]?".join([*map(re.escape, words[:-1]), _form(words[-1])]))


def _form(word: str) -> str:
    """A word in the singular and in the plural."""
    if known := _ALSO.get(word):
        return rf"(?:{known})"
    one = word[:-3] + "y" if word.endswith("ies") else word[:-1] if word.endswith("s") and word[-2:] != "ss" else word
    return (
        rf"(?:{re.escape(one)}(?:s|es)?|{re.escape(one[:-1])}ies)"
        if one.endswith("y")
        else rf"{re.escape(one)}(?:s|es)?"
    )


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE)


def _texts(value: Any) -> Iterator[str]:
    """The strings of a record that are not yes or no."""
    if isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
    elif isinstance(value, str) and _truth(value) is Ellipsis:
        yield value


def _long_words(text: str) -> set[str]:
    return {word for word in re.findall(r"[^\W\d_]{4,}", text.lower()) if word not in _GENERIC}
