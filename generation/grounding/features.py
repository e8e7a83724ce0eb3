"""What a small network is blind to, compared exactly: numbers, names, negations, and words that are nowhere."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .denying import denied
from .evidence import Source, Unit
from .exchanging import exchanged
from .joining import misjoined
from .misplacing import misplaced
from .opening_hours import other_hours
from .overlap import content_words
from .quantities import held_in_units, in_units_of, of_other_units
from .reversing import reversed_in
from .values import Number, numbers, values

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
NAME = re.compile(r"(?<![.!?:;\"“‘'(\n]\s)(?<!^)\b[A-Z][\w’'&-]+(?:\s[A-Z][\w’'&-]+)*")
_NEGATION = re.compile(r"\b(?:not|no|never|none|nor|neither|without|cannot)\b|n['’]t\b", re.IGNORECASE)
_MEASURED = re.compile(
    r"[-\s](?:(?:calendar|working|business|full)[-\s])?(?:(?:hundred|thousand|[mb]illion|dozen|per\scent|percent"
    r"|seconds?|minutes?|hours?|days?|nights?|weeks?|months?|quarters?|years?|decades?|century|centuries"
    r"|euros?|pounds?|dollars?|cents?|miles?|(?:kilo|centi|milli)?met(?:er|re)s?|feet|foot|inch(?:es)?"
    r"|tons?|tonnes?|(?:kilo)?grams?|(?:milli)?lit(?:er|re)s?|gallons?|degrees?|times)\b)",
    re.IGNORECASE,
)
"""What a spelled number measures. One that counts ("two passengers") is often the sum of what a passage lists."""
_ONE = (Number("1"),)
"""Passages have "a week" for one week."""
_DATE = re.compile(
    r"\b(?:January|February|March|April|June|July|August|September|October|November|December|May(?=,?\s+\d)|(?<=in\s)May"
    r"|(?<=\d\s)May|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b"
)

_DATED = content_words(
    "January February March April June July August September October November December"
    " Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
)
"""Terms of dates without a digit."""
_WHETHER = re.compile(
    r"\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|may|might|must|will|would|shall|should)\b", re.IGNORECASE
)
"""How a question begins that is answered with yes or no."""
_JOINING = re.compile(
    r"\W*(?:yes|no|indeed|however|therefore|thus|hence|also|additionally|furthermore|moreover|overall|finally|otherwise"
    r"|instead|accordingly|consequently|nevertheless|nonetheless|actually|certainly|likewise|similarly|meanwhile),\s",
    re.IGNORECASE,
)
"""How a sentence begins that another one came before; it is no part of what it states."""

Span = tuple[int, int]

FEATURES = (
    "missing",
    "missing_number",
    "missing_name",
    "beyond_evidence",
    "best_sentence",
    "negation",
    "terms",
    "record",
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim held against passages word by word."""

    values: tuple[float, ...]
    """By `FEATURES`."""
    spans: tuple[Span, ...]
    """The words, numbers and names of the claim that the passages do not have."""
    numbers: tuple[Span, ...]
    """Of these the numbers, months and weekdays."""
    given: tuple[Span, ...]
    """Its words that only the context has: they are not its own."""
    misjoined: tuple[Span, ...]
    """What of it the passages say of something else; see `joining`."""
    denied: tuple[Span, ...]
    """What of it they deny; see `denying`."""
    other_units: tuple[Span, ...]
    """Its numbers that they have with other units only; see `quantities`."""
    exchanged: tuple[Span, ...]
    """Its names in whose place they have others; see `exchanging`."""
    reversed: tuple[Span, ...]
    """Two things of it that have changed places; see `reversing`."""
    misplaced: tuple[Span, ...]
    """Its figures that they have for another thing; see `misplacing`."""
    misstated: tuple[Span, ...]
    """Its attributes and opening hours that a record has otherwise; see `attributes` and `opening_hours`."""
    carrier: Unit | None
    """The sentence of the evidence that carries most of the claim's terms."""

    @property
    def refuted(self) -> tuple[Span, ...]:
        """What of it they contradict, in whichever way."""
        return (
            *self.misjoined,
            *self.denied,
            *self.other_units,
            *self.exchanged,
            *self.reversed,
            *self.misplaced,
            *self.misstated,
        )


def compare(claim: str, source: Source, evidence: Sequence[Unit], context: str = "", question: str = "") -> Comparison:
    """Hold a claim against passages.

    `missing`: the share of the claim's terms that neither the passages nor the context have, weighted by how much they
    tell, 0..1. `missing_number`: how many of its numbers, months and weekdays are nowhere, at most 3;
    `missing_name`: of its names.
    `beyond_evidence`: the weighted share of terms that the selected evidence lacks; `best_sentence`: that its best
    sentence has. `negation`: 1 when only one of claim and best sentence is negated. `terms`: how many, as a logarithm
    to the base of e. `record`: 1 when a passage is a record.

    Args:
        claim: Without citations.
        source: The passages.
        evidence: What was selected of them for the claim.
        context: What is given besides: what is asked, and in further lines what stands above the passages.
        question: What of it the claim speaks of, where it is too short to say so.
    """
    terms = content_words(_JOINING.sub("", claim, count=1) if _JOINING.match(claim) else claim)
    denies = bool(_NEGATION.search(claim))  # then what it denies may be the question's: "not 99 kg"
    given = content_words(context) if denies else _vouched(context)
    held = [(one.start, one.end) for one in held_in_units(claim, source.passages)]
    held += [(value.start, value.end) for value in values(claim) if source.holds(value)]
    said = frozenset[str]().union(*(content_words(claim[start:end]) for start, end in held))
    own = terms - (said - source.terms)
    weights = {term: source.weight(term) for term in own - given or (set() if denies else own)}
    whole = sum(weights.values()) or 1.0
    selected = frozenset[str]().union(*(unit.terms for unit in evidence))
    shares = {unit: sum(weights[t] for t in unit.terms & weights.keys()) / whole for unit in evidence}
    carrier = max(evidence, key=lambda unit: shares[unit], default=None)
    numbers = _missing_numbers(claim, source, given, held)
    names = _missing_names(claim, source, given)
    negated = carrier is not None and denies != bool(_NEGATION.search(carrier.text))
    measured = (
        sum(w for t, w in weights.items() if t not in source.terms) / whole,
        min(len(numbers), 3),
        min(len(names), 3),
        sum(w for t, w in weights.items() if t not in selected) / whole,
        shares[carrier] if carrier else 0.0,
        float(negated),
        math.log1p(len(terms)),
        float(bool(source.records)),
    )
    missing, borrowed = _missing_words(claim, source, given)
    missing = [span for span in missing if not _within(span[0], held)]
    spans = tuple(sorted({*numbers, *names, *missing}))
    misstated = (*source.attributes.refuted(claim), *(other_hours(claim, source.hours) if source.hours else ()))
    return Comparison(
        values=tuple(map(float, measured)),
        spans=spans,
        numbers=tuple(numbers),
        given=tuple(borrowed),
        misjoined=tuple(misjoined(claim, source, question)),
        denied=tuple(denied(claim, source)),
        other_units=tuple(of_other_units(claim, source.passages)),
        exchanged=tuple(exchanged(claim, source)),
        reversed=tuple(reversed_in(claim, source)),
        misplaced=tuple(misplaced(claim, source)),
        misstated=misstated,
        carrier=carrier,
    )


def _vouched(context: str) -> set[str]:
    """The terms that a claim may have from elsewhere than the passages.

    What is asked may be false. So its figures are for the passages to say, and where it only asks whether something is
    so, its names, too.
    """
    asked, _, above = context.partition("\n")
    words = content_words(asked)
    if _WHETHER.match(asked):
        words -= content_words(" ".join(NAME.findall(asked)))
    return content_words(above) | {word for word in words - _DATED if not any(map(str.isdigit, word))}


def written_like(claim: str, evidence: str) -> str:
    """The evidence with its numbers, dates and hours written as the claim writes them: 1,950 is 1950."""
    evidence, wanted = in_units_of(claim, evidence), values(claim)
    own = {claim[value.start : value.end].lower() for value in wanted}
    parts, at = [], 0
    for value in values(evidence):
        same = next((other for other in wanted if set(other.readings) & set(value.readings)), None)
        if same and evidence[value.start : value.end].lower() not in own:
            parts += [evidence[at : value.start], claim[same.start : same.end]]
            at = value.end
    return "".join(parts) + evidence[at:]


def _missing_numbers(claim: str, source: Source, given: set[str], known: Sequence[Span]) -> list[Span]:
    found = []
    held = [value for value in values(claim) if _within(value.start, known)]
    for match in NUMBER.finditer(claim):
        if any(value.start <= match.start() < value.end for value in held):
            continue
        value = numbers(match.group().rstrip(".,"))[0].digits
        if value not in source.terms and value not in given:
            found.append(match.span())
    for spelled in values(claim):
        span = spelled.start, spelled.end
        counts = any(isinstance(reading, Number) for reading in spelled.readings) and not NUMBER.search(claim, *span)
        measured = counts and _MEASURED.match(claim, spelled.end)
        if (
            measured
            and spelled.readings != _ONE
            and spelled not in held
            and not content_words(claim[slice(*span)]) <= source.terms
        ):
            found.append(span)
    for match in _DATE.finditer(claim):
        if any(value.start <= match.start() < value.end for value in held):
            continue
        if not any(match.group() in passage for passage in source.passages) and match.group().lower() not in given:
            found.append(match.span())
    return found


def _within(place: int, spans: Sequence[Span]) -> bool:
    return any(start <= place < end for start, end in spans)


def _missing_names(claim: str, source: Source, given: set[str]) -> list[Span]:
    found = []
    for match in NAME.finditer(claim):
        words = content_words(match.group())
        if words and not words & source.terms and not words & given:
            found.append(match.span())
    return found


def _missing_words(claim: str, source: Source, given: set[str]) -> tuple[list[Span], list[Span]]:
    """The words that are nowhere, and those that only the context has."""
    nowhere: list[Span] = []
    borrowed: list[Span] = []
    for match in re.finditer(r"[\w’'-]+", claim):
        terms = content_words(match.group())
        if terms and not terms & source.terms:
            (borrowed if terms & given else nowhere).append(match.span())
    return nowhere, borrowed
