"""Evaluating anything that ranks documents: run it over the queries, score it, compare it with a baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .metrics.ranking import DEPTH, METRICS, Qrels, Run, score
from .readers.corpus import JudgedCorpus
from .stats import Difference, Estimate, compare, estimate, holm

Ranker = Callable[[str], Sequence[str]]
"""A query to the ids of documents, best first, none twice."""
Values = Mapping[str, Mapping[str, Mapping[str, float | None]]]
"""Configuration to metric to query to value; None where it could not be scored."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """A configuration against the baseline by one metric."""

    configuration: str
    metric: str
    difference: Difference
    p_holm: float | None
    """p adjusted for all contrasts that are reported together."""


@dataclass(frozen=True, slots=True)
class RankingReport:
    """What configurations scored on one set of queries."""

    values: Values
    estimates: dict[str, dict[str, Estimate]]
    """Configuration to metric to mean and interval."""
    baseline: str
    contrasts: tuple[Contrast, ...]

    def as_json(self, *, per_query: bool) -> dict[str, Any]:
        """As a JSON object; the values of every query are large."""
        means = {name: {m: asdict(e) for m, e in of.items()} for name, of in self.estimates.items()}
        contrasts = [
            {
                "configuration": c.configuration,
                "metric": c.metric,
                "mean": asdict(c.difference.mean),
                "p": c.difference.p,
                "p_holm": c.p_holm,
                "effect": c.difference.effect,
            }
            for c in self.contrasts
        ]
        found: dict[str, Any] = {"metrics": means, "baseline": self.baseline, "differences": contrasts}
        return found | ({"per_query": self.values} if per_query else {})


def run_queries(
    queries: Mapping[str, str], ranker: Ranker, on_query: Callable[[int, int], None] = lambda *_: None
) -> Run:
    """The first 100 documents for each query.

    Args:
        queries: By id.
        ranker: What is evaluated.
        on_query: Told how many queries are done, of how many.
    """
    run = {}
    for done, (query, text) in enumerate(queries.items(), 1):
        run[query] = list(ranker(text))[:DEPTH]
        on_query(done, len(queries))
    return run


def evaluate(
    runs: Mapping[str, Run], qrels: Qrels, baseline: str, metrics: Sequence[str] = METRICS, seed: int = 0
) -> RankingReport:
    """Score configurations, and compare each with the baseline, which is one of them."""
    return report({name: score(run, qrels, metrics) for name, run in runs.items()}, baseline, seed)


def report(values: Values, baseline: str, seed: int = 0) -> RankingReport:
    """Means and comparisons of values that were computed before, of the same queries."""
    metrics = list(values[baseline])
    estimates = {name: {m: estimate(list(of[m].values()), seed) for m in metrics} for name, of in values.items()}
    pairs = [(name, m) for name in values if name != baseline for m in metrics]
    differences = [_difference(values[name][m], values[baseline][m], seed) for name, m in pairs]
    adjusted = holm([difference.p for difference in differences])
    contrasts = [Contrast(*pair, d, p) for pair, d, p in zip(pairs, differences, adjusted, strict=True)]
    return RankingReport(values, estimates, baseline, tuple(contrasts))


def write_trec(folder: Path, corpus: JudgedCorpus, runs: Mapping[str, Run]) -> None:
    """Write runs and judgements as trec_eval reads them: `SET.CONFIGURATION.run` and `SET.qrels`.

    White space in ids becomes `_`. The scores only count down, for trec_eval sorts by them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{_word(q)} 0 {_word(d)} {grade}" for q, of in corpus.qrels.items() for d, grade in of.items()]
    (folder / f"{corpus.name}.qrels").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    for name, run in runs.items():
        lines = [
            f"{_word(query)} Q0 {_word(document)} {rank} {-rank} {name}"
            for query, found in run.items()
            for rank, document in enumerate(found, 1)
        ]
        (folder / f"{corpus.name}.{name}.run").write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _difference(values: Mapping[str, float | None], baseline: Mapping[str, float | None], seed: int) -> Difference:
    return compare(list(values.values()), [baseline[query] for query in values], seed)


def _word(name: str) -> str:
    return "_".join(name.split())
