"""What real use comes to: figures, what has shifted since before, and what the documents did not answer."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SettingsError
from ..eval.drift import Shift, adjusted, numbers_shift, share_shift, vectors_shift
from ..eval.report.wording import counted
from ..eval.stats import Estimate, estimate, percentile
from ..retrieval.analysis import content_words, terms_of
from ..retrieval.library import Library
from .monitoring import Use, UseLog, days_ago

DAYS = 7.0
"""That are reported on by default."""
APART = 0.75
"""Questions belong to one topic while their cosine distance is, on average, less than this."""
_MOST_CLUSTERED = 2_000
"""The latest; all distances are held in memory."""
_MANY = 2_000
_TERMS, _DOCUMENTS, _QUESTIONS, _TOLD = 5, 3, 5, 10
_PERIOD = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)")


@dataclass(frozen=True, slots=True)
class Period:
    """A time, from its first moment up to and without its end; UTC, ISO 8601."""

    since: str
    until: str
    n: int
    """Questions in it."""


@dataclass(frozen=True, slots=True)
class Topic:
    """Questions alike that were not answered: what a document is missing for."""

    n: int
    terms: tuple[str, ...]
    """By which they differ most from the other questions; empty without text."""
    questions: tuple[str, ...]
    """The most typical ones first; empty without text."""
    documents: tuple[tuple[str, int], ...]
    """Those that came nearest, and for how many of the questions."""
    confidence: Estimate
    """That the passages held the answer."""

    @property
    def name(self) -> str:
        """In a few words."""
        if self.terms:
            return ", ".join(self.terms)
        return f"near {self.documents[0][0]}" if self.documents else "nothing was found"


@dataclass(frozen=True, slots=True)
class Usage:
    """The report."""

    period: Period
    baseline: Period
    figures: Mapping[str, Estimate]
    baseline_figures: Mapping[str, Estimate]
    drift: Sequence[Shift]
    topics: Sequence[Topic]
    """Of questions that were not answered, the largest first."""

    def as_json(self) -> dict[str, Any]:
        """As a JSON object."""
        found = asdict(self)
        found["drift"] = [asdict(shift) | {"shifted": shift.shifted} for shift in self.drift]
        found["topics"] = [asdict(topic) | {"name": topic.name} for topic in self.topics]
        return found


def report_usage(library: Library, days: float = DAYS, baseline: str = "", seed: int = 0) -> Usage:
    """Report what was asked in the last days.

    Args:
        library: Whose use it is.
        days: How many.
        baseline: Compare with these days, `2026-11-01..2026-11-14`, the last one included; by default with all before.
        seed: Of the intervals and the permutations.

    Raises:
        SettingsError: The baseline is no such span.
    """
    since = days_ago(days)
    first, last = _span(baseline) if baseline else ("", since)
    log = UseLog(library)
    now, before = log.all(since), log.all(first, last)
    return Usage(
        period=Period(since, now[-1].asked_at if now else since, len(now)),
        baseline=Period(first or (before[0].asked_at if before else since), last, len(before)),
        figures=figures_of(now, seed),
        baseline_figures=figures_of(before, seed),
        drift=_drift(now, before, seed),
        topics=unanswered_topics(now, library, seed),
    )


def usage_told(usage: Usage) -> list[str]:
    """The report in a few sentences; none where nothing was asked."""
    if not usage.period.n:
        return []
    answered = usage.figures["answered"]
    since = usage.period.since[:16].replace("T", " ")
    told = [f"{counted(usage.period.n, 'question')} since {since} UTC; answered: {answered}."]
    told += [
        f"Shifted since before: {shift.name} ({shift.test} {shift.statistic:.3f}, p = {shift.p_holm:.4f})."
        for shift in usage.drift
        if shift.shifted
    ]
    return told + [f"Not answered: {topic.n} about {topic.name}." for topic in usage.topics[:_TOLD]]


def unanswered_topics(uses: Sequence[Use], library: Library, seed: int = 0) -> list[Topic]:
    """The questions that were not answered, grouped; the largest group first.

    Those with a vector are clustered by average linkage of their cosine distances; the others go by the document that
    came nearest. A group's terms are those of the greatest class-based TF-IDF.

    Source: Grootendorst, "BERTopic: Neural topic modeling with a class-based TF-IDF procedure", 2022, section 3.3.

    Args:
        uses: The answered ones too: the terms of a topic set it apart from these.
        library: Names the documents.
        seed: Of the intervals.
    """
    refused = [use for use in uses if use.abstained]
    alike = _of_one_model(refused)
    groups = _clusters(alike[-_MOST_CLUSTERED:])
    clustered = {id(use) for group in groups for use in group}
    nearest: dict[int, list[Use]] = {}
    for use in refused:
        if id(use) not in clustered:
            nearest.setdefault(use.hits[0].document_id if use.hits else -1, []).append(use)
    groups += nearest.values()
    words = [_words(group) for group in groups]
    rest = _words([use for use in uses if not use.abstained])
    everywhere = sum(words, rest)
    size = everywhere.total() / (len(words) + bool(rest)) if everywhere else 0.0
    idf = {term: math.log(1 + size / count) for term, count in everywhere.items()}
    found = [_topic(group, own, idf, library, seed) for group, own in zip(groups, words, strict=True)]
    return sorted(found, key=lambda topic: -topic.n)


def figures_of(uses: Sequence[Use], seed: int = 0) -> dict[str, Estimate]:
    """What uses come to, by name; from 2,000 values on a mean has the interval of the normal distribution."""
    total = [use.timings_ms.get("total") for use in uses]
    columns: dict[str, Sequence[float | None]] = {
        "answered": [float(not use.abstained) for use in uses],
        "confidence": [use.confidence for use in uses],
        "probability of the best hit": [use.hits[0].probability if use.hits else None for use in uses],
        "support": [use.support for use in uses],
        **{f"{name} ms": [use.timings_ms.get(name) for use in uses] for name in ("retrieve", "first_token", "total")},
        **{f"{name} tokens": [use.tokens.get(name) for use in uses] for name in ("prompt", "completion")},
    }
    told = {name: _mean(values, seed) for name, values in columns.items()}
    return told | {f"total ms, p{q}": percentile(total, q, seed) for q in (50, 95)}


def _mean(values: Sequence[float | None], seed: int) -> Estimate:
    """Of many values the interval of the normal distribution, which the bootstrap's would come to, in far less time."""
    scored = np.array([value for value in values if value is not None], dtype=np.float64)
    if len(scored) < _MANY:
        return estimate(values, seed)
    mean, reach = float(scored.mean()), float(1.96 * scored.std(ddof=1) / math.sqrt(len(scored)))
    return Estimate(mean, mean - reach, mean + reach, len(scored), len(values) - len(scored), len(scored))


def _drift(now: Sequence[Use], before: Sequence[Use], seed: int) -> list[Shift]:
    def numbers(name: str, uses: Sequence[Use]) -> list[float | None]:
        if name == "probability of the best hit":
            return [use.hits[0].probability if use.hits else None for use in uses]
        if name == "total ms":
            return [use.timings_ms.get("total") for use in uses]
        return [getattr(use, name) for use in uses]

    shifts = [share_shift("not answered", *([use.abstained for use in of] for of in (now, before)))]
    shifts += [
        numbers_shift(name, numbers(name, now), numbers(name, before))
        for name in ("probability of the best hit", "confidence", "support", "total ms")
    ]
    model = next((use.embedder for use in reversed(now) if use.vector is not None), "")
    kept = [[use for use in of if model and use.embedder == model] for of in (now, before)]
    vectors = [_vectors(of) if of else np.empty((0, 1), dtype=np.float32) for of in kept]
    return adjusted([*shifts, vectors_shift("questions", vectors[0], vectors[1], seed)])


def _of_one_model(uses: Sequence[Use]) -> list[Use]:
    """Those whose vectors come from the model of the latest one: others cannot be compared with them."""
    model = next((use.embedder for use in reversed(uses) if use.vector is not None), "")
    return [use for use in uses if model and use.embedder == model]


def _vectors(uses: Sequence[Use]) -> npt.NDArray[np.float32]:
    """Vectors of length 1 of uses that all have one of the same model, (uses, dimensions)."""
    whole = np.stack([use.vector for use in uses if use.vector is not None]).astype(np.float32)
    lengths = np.linalg.norm(whole, axis=1, keepdims=True)
    return np.asarray(whole / np.maximum(lengths, 1e-12), dtype=np.float32)


def _clusters(uses: Sequence[Use]) -> list[list[Use]]:
    if len(uses) < 2:
        return [list(uses)] if uses else []
    from scipy.cluster.hierarchy import fcluster, linkage

    labels = fcluster(linkage(_vectors(uses), "average", metric="cosine"), APART, "distance")
    groups: dict[int, list[Use]] = {}
    for use, label in zip(uses, labels, strict=True):
        groups.setdefault(int(label), []).append(use)
    return list(groups.values())


def _topic(group: Sequence[Use], words: Counter[str], idf: Mapping[str, float], library: Library, seed: int) -> Topic:
    near = Counter(use.hits[0].document_id for use in group if use.hits)
    named = {number: library.document(number) for number, _ in near.most_common(_DOCUMENTS)}
    return Topic(
        n=len(group),
        terms=_terms(group, words, idf),
        questions=_typical(group),
        documents=tuple(
            (of.path if of else "a document that was removed", near[number]) for number, of in named.items()
        ),
        confidence=estimate([use.confidence for use in group], seed),
    )


def _words(uses: Sequence[Use]) -> Counter[str]:
    """How many of the questions have each term."""
    return Counter(term for use in uses for term in {t for word in content_words(use.question) for t in terms_of(word)})


def _terms(group: Sequence[Use], words: Counter[str], idf: Mapping[str, float]) -> tuple[str, ...]:
    """The telling words as people wrote them, not as they are stemmed."""
    spelt: dict[str, Counter[str]] = {}
    for use in group:
        for word in filter(_telling, content_words(use.question)):
            spelt.setdefault(terms_of(word)[-1], Counter())[word] += 1
    weights = {term: words[term] * idf[term] for term in spelt}
    best = sorted(weights, key=lambda term: (-weights[term], term))[:_TERMS]
    return tuple(spelt[term].most_common(1)[0][0] for term in best)


def _telling(word: str) -> bool:
    return len(word) > 1


def _typical(group: Sequence[Use]) -> tuple[str, ...]:
    """The different questions of a group, those nearest to its middle first."""
    asked = [use for use in group if use.question]
    if asked and all(use.vector is not None and use.embedder == asked[0].embedder for use in asked):
        vectors: npt.NDArray[np.float32] = _vectors(asked)
        asked = [asked[place] for place in np.argsort(-(vectors @ vectors.mean(axis=0)), kind="stable")]
    return tuple(dict.fromkeys(use.question for use in asked))[:_QUESTIONS]


def _span(text: str) -> tuple[str, str]:
    found = _PERIOD.fullmatch(text.strip())
    if not found or found[1] > found[2]:
        raise SettingsError(f"the baseline is {text!r}", remedy="Write it as 2026-11-01..2026-11-14")
    return found[1], f"{found[2]}T~"
