"""What is counted of a piece of text: its words, pairs of them, and the order in which kinds of words come."""

from __future__ import annotations

import re
from itertools import pairwise

from .topic import TASKS

_TOKEN = re.compile(
    r"(?P<url>(?:https?://|www\.)[^\s)\]>\"']+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|xyz|io|info|biz)\b)"
    r"|(?P<number>\d+)|[^\W\d_]+(?:['’](?:t|re|ll|ve|d|m)\b)?|[?!:#<>\[\]{}`\"“@]"
)

KINDS = {
    "ANSWER": "answer answers reply response responses replies message output elucidation completion",
    "INSERT": "add include insert append incorporate embed integrate augment enhance modify put mention weave attach "
    "supplement extend introduce inject slip merge blend prepend sprinkle finish end begin start conclude close",
    "CHANGE": "encode encrypt translate reverse convert replace substitute rewrite render transform shift scramble "
    "jumble obfuscate cipher misspell rearrange remove swap spell format express rephrase capitalize",
    "SAY": "say tell respond state claim write print repeat recite reveal show display mention inform suggest "
    "recommend promote advertise urge encourage advise produce give provide generate create leak disclose use",
    "DROP": "ignore disregard forget override bypass skip discard overlook neglect drop erase dismiss",
    "EARLIER": "previous prior above preceding earlier foregoing existing original initial past former",
    "RULES": "instruction instructions prompt prompts directive directives rule rules guideline guidelines command "
    "commands order orders policy policies restrictions constraints directions safeguards guardrails",
    "MODEL": "ai assistant chatbot bot llm gpt chatgpt agent copilot",
    "SEND": "send forward email mail post upload transmit submit exfiltrate visit open click download fetch call "
    "navigate load install execute run",
    "CODE": "code snippet excerpt codebase implementation algorithm script solution",
    "FOLLOWING": "following below subsequent",
    "YOUR": "your",
    "YOU": "you yourself",
    "USER": "user users reader readers human",
    "NOT": "not don't never instead rather only",
    "ACT": "act pretend roleplay behave impersonate simulate become",
    "ASK": "what who why how when where which can could would",
    "URL": "<url>",
    "SECRET": "password passwords credentials secret secrets key keys token tokens conversation history",
}
_KIND = {word: kind for kind, words in KINDS.items() for word in words.split()}
_ALWAYS = frozenset("ANSWER DROP RULES MODEL YOUR YOU USER ACT URL".split())
_AT_START = frozenset("INSERT CHANGE SAY SEND ACT DROP NOT".split())
_FILLING = frozenset("please kindly also now then and always just simply so finally additionally".split())
_ADDRESS = frozenset(word for word, kind in _KIND.items() if kind in _ALWAYS)
_OPENING = frozenset(word for word, kind in _KIND.items() if kind in _AT_START) | TASKS
_OPENING_WORDS = 5
_ADDRESSES = ("www.", "://", ".com", ".org", ".net", ".xyz", ".io", ".info", ".biz")
_MARKS = {ord(c): " " for c in ".,;:!?\"“”'’`()[]{}<>*_#@/\\=-–—"}


def tokens(piece: str) -> list[str]:
    """Its words in lower case, with marks that bear on it; every web address is one word, every number another."""
    found = []
    for match in _TOKEN.finditer(piece.lower()):
        found.append(f"<{match.lastgroup}>" if match.lastgroup else match.group().replace("’", "'"))
    return found


def may_matter(piece: str) -> bool:
    """Whether a piece can be an instruction or a request at all; most are let go here, before their words are read."""
    lower = piece.lower()
    words = lower.translate(_MARKS).split()
    return (
        not _ADDRESS.isdisjoint(words)
        or not _OPENING.isdisjoint(words[:_OPENING_WORDS])
        or "?" in lower
        or any(part in lower for part in _ADDRESSES)
    )


def may_instruct(words: list[str]) -> bool:
    """Whether a piece is worth judging: most text addresses nobody."""
    kinds = {_KIND.get(word) for word in words}
    return len(words) > 1 and (not _ALWAYS.isdisjoint(kinds) or _KIND.get(_first(words)) in _AT_START)


def features(words: list[str]) -> set[str]:
    """The features of a piece, each of which it has or has not."""
    kinds = [kind for word in words if (kind := _KIND.get(word))]
    found = set(words)
    found.update(f"{one} {two}" for one, two in pairwise(words))
    found.update(f"{one}>{two}" for place, one in enumerate(kinds) for two in kinds[place + 1 : place + 5])
    found.update(f"{a}>{b}>{c}" for a, b, c in zip(kinds, kinds[1:], kinds[2:], strict=False))
    first = _first(words)
    found.add(f"^{first}")
    found.add(f"^{_KIND.get(first, '-')}")
    if kinds:
        found.add(f"^{_KIND.get(first, '-')}>{'your' if 'YOUR' in kinds else '-'}>{'ANSWER' in kinds}")
        found.update(kinds)
    return found


def _first(words: list[str]) -> str:
    """The first word that is not mere politeness."""
    return next((word for word in words if word not in _FILLING and word[0].isalpha()), "")
