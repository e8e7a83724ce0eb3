"""The noun phrases, names and telling words of an English question, found by its function words."""

from __future__ import annotations

import re

from ..retrieval.analysis import STOP_WORDS, query_terms

_NO_NAMES = (
    "January|February|March|April|May|June|July|August|September|October|November|December|Monday|Tuesday|Wednesday"
    "|Thursday|Friday|Saturday|Sunday|I|EUR|USD|MW|MWh|KWh"
)
NAME = re.compile(rf"\b(?!(?:{_NO_NAMES})\b)[A-Z][\w-]*[\w](?:\s(?!(?:{_NO_NAMES})\b)[A-Z][\w-]*)*")
"""A capitalized word or several in a row; the first word of a sentence looks like one."""

_DETERMINERS = frozenset("the a an each every all any".split())
_ASKING = frozenset("which what whose many much".split())
# Function words, and the adverbs and adjectives of questions, that no noun phrase holds.
_FUNCTION = frozenset(
    """
    about above after again against ago all also am among an and any are as at away back be because been before
    being below between beyond both but by can could did do does doing down due during each else ever every few
    first for from further had has have having he her here hers him his how i if in instead into is it its just
    last less like long many may me might more most much must my never next no nor not now of off often old on
    once one ones only onto or other our out over own per please same shall she should since so some soon still
    such than that their them then there these they this those through till to together too toward towards under
    unless until up upon us very was we were what when where which while who whom whose why will with within
    without would yet you your yours deep far high big large small different same maximum minimum least
    """.split()
)
_VERBS = frozenset(
    """
    allow answer apply appear ask became become begin bought bring brought build built buy call came carry cause
    change charge choose climb come compare contain cost count cover cut damage decide deliver drive end enter
    exceed exist expire fail fall fell find fit follow found fund gave get give go got happen held help hold
    include increase insure keep kept last lay leave left lie live look lose lost made make manage mean measure
    meet need occur offer open order own pay paid produce provide put reach read receive release remain repair
    replace report require run said say see select sell sent serve set shed show sign sold spend spent stand start
    stay stood stop store supply take tell test took travel use wait want went win won work write written wrote
    """.split()
)
_TOKEN = re.compile(r"\w+(?:[-'’.,]\w+)*%?|[^\w\s]")
_ORGANIZATIONS = frozenset(
    """
    agreement association authority bank board building bylaws centre club committee company cooperative council
    county department engineering foundation fund group hall harbour house inc institute lane limited line ltd
    manual marine ministry mode museum office park partners plan plant report road school service services society
    station storage street substation systems transformers university
    """.split()
)


def content_words(text: str) -> frozenset[str]:
    """The stems of a text without its function words."""
    telling = [word for word in re.findall(r"\w+", text) if word.lower() not in _FUNCTION | STOP_WORDS]
    return frozenset(query_terms(" ".join(telling)))


def noun_phrases(question: str, *, sure: bool = False) -> list[str]:
    """The things that a question names: those with an article or a name first; others only unless `sure`."""
    named: list[str] = []
    likely: list[str] = []
    for words, asked in _runs(_TOKEN.findall(question)):
        determined = words[0].lower() in _DETERMINERS or any(NAME.fullmatch(w) for w in words)
        phrase = " ".join(words)
        if content_words(phrase) and not re.fullmatch(rf"(?:{_NO_NAMES}|[\d\s.,])+", phrase):
            (named if determined and not asked else likely).append(phrase)
    return named if sure else [*named, *reversed(likely)]


def _runs(tokens: list[str]) -> list[tuple[list[str], bool]]:
    """Rows of words that belong together, and whether the row is what is asked for ("which trawler")."""
    runs: list[tuple[list[str], bool]] = []
    run: list[str] = []
    asked = False

    def determined(words: list[str]) -> bool:
        return words[0].lower() in _DETERMINERS

    def close() -> None:
        nonlocal run
        while run and (run[-1].lower() in _DETERMINERS | {"of"} or (len(run) > 1 + determined(run) and _is_verb(run))):
            run.pop()
        while len(run) > 1 and not determined(run) and _is_verb(run[:1]):
            run.pop(0)
        if run and not (len(run) == 1 and _is_verb(run)):
            runs.append((run, asked))
        run = []

    for place, token in enumerate(tokens):
        word = token.lower()
        if word == "of" and run:
            run.append(token)
        elif word in _DETERMINERS:
            if not (run and run[-1].lower() == "of"):
                close()
                asked = False
            run.append(token)
        elif not token[0].isalnum() or (word in _FUNCTION and not (place and token[0].isupper())):
            close()
            asked = word in _ASKING
        elif word in _VERBS and run and run[0].lower() not in _DETERMINERS:
            close()  # "people climb Cora", "trawler damaged ..."
            asked = False
        else:
            run.append(token)
    close()
    return runs


def _is_verb(run: list[str]) -> bool:
    """Whether the last word of a row is most likely a verb: "the agreement expire", "Dagny stopped"."""
    word = run[-1].lower()
    stem = word.removesuffix("s")
    return run[-1][0].islower() and (
        word in _VERBS or stem in _VERBS or (word.endswith("ed") and word not in ("speed", "feed", "need", "seed"))
    )


def person(text: str) -> str | None:
    """The first name of two words in a text that is no organization's."""
    for match in NAME.finditer(text):
        words = match[0].split()
        told = words[0] == "The" or re.search(r"\b[Tt]he $", text[: match.start()])
        if len(words) == 2 and not told and not {word.lower() for word in words} & _ORGANIZATIONS:
            return match[0]
    return None
