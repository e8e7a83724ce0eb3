"""Negatives made by rule, with the words that were changed: names, numbers, dates, units, negations, additions.

The kinds of error are those of Kryscinski et al., "Evaluating the Factual Consistency of Abstractive Text
Summarization", EMNLP 2020, and of the RAGTruth paper's taxonomy (baseless information).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from _examples import Spans

Made = tuple[str, Spans]

_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?!\w)")
_NAME = re.compile(r"\b[A-Z][\w'’-]*(?:\s(?:of|the|de|van|and|&)?\s?[A-Z][\w'’-]*)*")
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|will|would|should|must|has|have|had|may|does|do|did)\b", re.IGNORECASE
)
_WORD = re.compile(r"\b(?!during)[a-z]{2,}(ed|ing|tions?|ments?|ity|ies|ers|ly|ness)\b")
_LOWER = re.compile(r"\b[a-z]+\b")
_NEGATION = re.compile(r"\s(not|never)\b|\bno\s", re.IGNORECASE)

_PAIRS = """
increase/decrease increased/decreased increases/decreases increasing/decreasing rise/fall rose/fell before/after
first/last more/less more/fewer higher/lower highest/lowest largest/smallest greater/smaller older/younger
longer/shorter always/never allowed/forbidden includes/excludes open/closed opened/closed won/lost win/lose
north/south east/west
northern/southern eastern/western minimum/maximum early/late earlier/later above/below begin/end began/ended
accepted/rejected approved/rejected supports/opposes supported/opposed agreed/refused buy/sell bought/sold
gained/lost success/failure successful/unsuccessful strong/weak good/bad positive/negative major/minor public/private
male/female father/mother son/daughter brother/sister husband/wife man/woman men/women boy/girl left/right
same/different with/without inside/outside upper/lower cheap/expensive free/paid safe/dangerous hot/cold
morning/evening summer/winter arrived/left born/died husband/brother increase/reduce improves/worsens
often/rarely usually/rarely majority/minority most/few many/few best/worst top/bottom fast/slow high/low
""".split()
_UNITS = """
kilometres/miles kilometers/miles km/m metres/feet meters/feet kg/g kilograms/pounds tonnes/kilograms hours/days
days/weeks weeks/months months/years minutes/hours seconds/minutes million/billion thousand/million percent/points
dollars/euros pounds/dollars EUR/USD mg/g ml/l inches/feet acres/hectares years/decades
""".split()
_STRONGER = {
    "some": "all", "many": "all", "most": "all", "several": "all", "may": "will", "might": "will", "could": "will",
    "often": "always", "usually": "always", "sometimes": "always", "generally": "always", "can": "must",
    "likely": "certainly", "probably": "certainly", "suggests": "proves", "suggest": "prove", "partly": "entirely",
    "almost": "exactly", "about": "exactly", "up to": "at least", "at least": "at most",
}  # fmt: skip


def _both_ways(pairs: Sequence[str]) -> dict[str, list[str]]:
    words: dict[str, list[str]] = {}
    for pair in pairs:
        one, other = pair.split("/")
        words.setdefault(one, []).append(other)
        words.setdefault(other, []).append(one)
    return words


_OPPOSITES, _OTHER_UNITS = _both_ways(_PAIRS), _both_ways(_UNITS)


def _put(text: str, start: int, end: int, new: str) -> Made:
    return text[:start] + new + text[end:], ((start, start + len(new)),)


def number(claim: str, passage: str, rng: random.Random) -> Made | None:
    """Another number in the place of one: of the passage, or near to it."""
    found = list(_NUMBER.finditer(claim))
    if not found:
        return None
    chosen = rng.choice(found)
    value = chosen.group()
    others = [n for n in dict.fromkeys(_NUMBER.findall(passage)) if n not in claim and abs(len(n) - len(value)) <= 1]
    if others and rng.random() < 0.6:
        return _put(claim, chosen.start(), chosen.end(), rng.choice(others))
    digits = [place for place, character in enumerate(value) if character.isdigit()]
    place = rng.choice(digits)
    digit = rng.choice([d for d in "123456789" if d != value[place]])
    changed = value[:place] + digit + value[place + 1 :]
    return None if changed in passage else _put(claim, chosen.start(), chosen.end(), changed)


def date(claim: str, passage: str, rng: random.Random) -> Made | None:
    """Another month or weekday."""
    for words in rng.sample([_MONTHS, _DAYS], 2):
        found = list(re.finditer(rf"\b({'|'.join(words)})\b", claim))
        if found:
            chosen = rng.choice(found)
            return _put(claim, chosen.start(), chosen.end(), rng.choice([w for w in words if w != chosen.group()]))
    return None


def names_of(text: str) -> list[str]:
    """Capitalized words that do not begin a sentence, or that come in twos."""
    found = []
    for match in _NAME.finditer(text):
        before = text[: match.start()].rstrip()
        first = not before or before[-1] in '.!?:;"“\n'
        if not first or " " in match.group():
            found.append(match.group())
    return list(dict.fromkeys(found))


def name(claim: str, passage: str, rng: random.Random, foreign: Sequence[str] = ()) -> Made | None:
    """Another name of the passage in the place of one, or one that is not in it."""
    own = [n for n in names_of(claim) if n in passage] or names_of(claim)
    if not own:
        return None
    chosen = rng.choice(own)
    words = chosen.count(" ")
    others = [n for n in names_of(passage) if n not in claim and chosen not in n and abs(n.count(" ") - words) <= 1]
    if foreign and (not others or rng.random() < 0.35):
        others = [n for n in foreign if n not in passage and abs(n.count(" ") - words) <= 1]
    if not others:
        return None
    start = claim.index(chosen)
    return _put(claim, start, start + len(chosen), rng.choice(others))


def negation(claim: str, passage: str, rng: random.Random) -> Made | None:
    """A "not" more or less."""
    if there := _NEGATION.search(claim):
        text = claim[: there.start()] + (" " if there.group().endswith(" ") else "") + claim[there.end() :]
        word = re.search(r"\S+\s*\S*", text[max(0, there.start() - 1) :])
        start = max(0, there.start() - 1) + (word.start() if word else 0)
        return (text, ((start, start + len(word.group())),)) if word else None
    auxiliary = _AUXILIARY.search(claim)
    if not auxiliary:
        return None
    new = f"{auxiliary.group()} not"
    return _put(claim, auxiliary.start(), auxiliary.end(), new)


def opposite(claim: str, passage: str, rng: random.Random) -> Made | None:
    """A word's opposite."""
    return _exchange(claim, _OPPOSITES, rng)


def unit(claim: str, passage: str, rng: random.Random) -> Made | None:
    """Another unit."""
    return _exchange(claim, _OTHER_UNITS, rng)


def overstated(claim: str, passage: str, rng: random.Random) -> Made | None:
    """All for some, will for may."""
    return _exchange(claim, {word: [new] for word, new in _STRONGER.items()}, rng)


def word(claim: str, passage: str, rng: random.Random) -> Made | None:
    """A word of the passage in the place of another one that ends alike, so that the sentence still reads well."""
    own = [m for m in _WORD.finditer(claim) if m.group() in passage]
    rng.shuffle(own)
    for chosen in own:
        others = {m.group() for m in _WORD.finditer(passage) if m[1] == chosen[1] and m.group() not in claim.lower()}
        alike = sorted(other for other in others if other[:4] != chosen.group()[:4])
        if alike:
            return _put(claim, chosen.start(), chosen.end(), rng.choice(alike))
    return None


def swapped(claim: str, passage: str, rng: random.Random) -> Made | None:
    """Two names, or two numbers, of the claim in each other's place; not of one enumeration, which stays true."""
    for found in (names_of(claim), list(dict.fromkeys(_NUMBER.findall(claim)))):
        alone = [n for n in found if claim.count(n) == 1]
        if len(alone) < 2:
            continue
        one, other = sorted(rng.sample(alone, 2), key=claim.index)
        first, second = claim.index(one), claim.index(other)
        if len(_LOWER.findall(claim[first + len(one) : second])) < 3:
            continue
        text = claim[:first] + other + claim[first + len(one) : second] + one + claim[second + len(other) :]
        moved = second + len(other) - len(one)
        return text, ((first, first + len(other)), (moved, moved + len(one)))
    return None


def _exchange(claim: str, words: dict[str, list[str]], rng: random.Random) -> Made | None:
    found = [m for m in re.finditer(r"\w+", claim) if m.group().lower() in words]
    if not found:
        return None
    chosen = rng.choice(found)
    new = rng.choice(words[chosen.group().lower()])
    return _put(claim, chosen.start(), chosen.end(), new.capitalize() if chosen.group()[0].isupper() else new)


def added(claim: str, other: str, rng: random.Random) -> Made | None:
    """What another text says, appended."""
    clause = re.split(r"[;,]\s", other.strip().rstrip("."))[0]
    if not 4 <= len(clause.split()) <= 25:
        return None
    first = clause.split()[0]
    if first.lower() in {"the", "a", "an", "this", "these", "it", "in", "there", "he", "she", "they", "its", "their"}:
        clause = clause[0].lower() + clause[1:]
    body = claim.rstrip().rstrip(".")
    joined = rng.choice([", and ", "; ", ", while ", ". "])
    return f"{body}{joined}{clause}.", ((len(body) + len(joined), len(body) + len(joined) + len(clause)),)


KINDS: Sequence[Callable[[str, str, random.Random], Made | None]] = (
    number,
    number,
    date,
    name,
    name,
    name,
    negation,
    opposite,
    opposite,
    unit,
    overstated,
)

MINED = (number, date, name, negation, opposite, unit, overstated, word, swapped)
"""What `mine.py` tries, each once."""


def spoil(claim: str, passage: str, rng: random.Random, foreign: Sequence[str] = ()) -> Made | None:
    """The claim with one error, of a kind drawn by chance among those that can be made."""
    for kind in rng.sample(KINDS, len(KINDS)):
        made = name(claim, passage, rng, foreign) if kind is name else kind(claim, passage, rng)
        if made and made[0].lower() != claim.lower():
            return made
    return None


_SUBJECT = re.compile(
    r"^(who|what|which(?:\s\w+){1,3}?)\s(is|was|are|were|has|had|can|did|does|do|\w+ed|\w+s)\b(.*)\?$", re.I
)


def declared(question: str, answer: str) -> str | None:
    """A question whose subject is asked for, as a statement: "Who wrote it?" is "Ann wrote it"."""
    match = _SUBJECT.match(question.strip())
    if not match or match[2].lower() in {"did", "does", "do"}:
        return None
    if match[2].lower() in {"is", "was", "are", "were"} and match[1].lower() in {"what", "who"}:
        rest = match[3].strip()
        return f"{rest[0].upper()}{rest[1:]} {match[2].lower()} {answer}." if rest else None
    return f"{answer[0].upper()}{answer[1:]} {match[2]}{match[3]}."
