"""Evaluating anything that ranks documents: run it over the queries, score it, compare it with a baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .metrics import statistic
from .metrics.ranking import DEPTH, METRICS, Qrels, Run, score
from .metrics.statistic import mean_metric
from .readers.corpus import JudgedCorpus
from .stats import Difference, Estimate, holm

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
    runs: Mapping[str, Run],
    qrels: Qrels,
    baseline: str,
    metrics: Sequence[str] = METRICS,
    seed: int = 0,
    sources: Mapping[str, str] | None = None,
) -> RankingReport:
    """Score configurations, and compare each with the baseline, which is one of them; `sources` as in `report`."""
    return report({name: score(run, qrels, metrics) for name, run in runs.items()}, baseline, seed, sources)


def report(values: Values, baseline: str, seed: int = 0, sources: Mapping[str, str] | None = None) -> RankingReport:
    """Means and comparisons of values that were computed before, of the same queries.

    Args:
        values: What was computed.
        baseline: The configuration that the others are compared with.
        seed: Of the resamples.
        sources: What queries share with those that depend on them; by default each is its own.
    """
    names = list(values[baseline])
    metrics = [mean_metric(name, "") for name in names]
    queries = list(next(iter(values[baseline].values()), {}))
    of_queries = [(sources or {}).get(query) or query for query in queries]
    rows = {name: [{m: of[m][query] for m in names} for query in queries] for name, of in values.items()}
    estimates = {name: statistic.measure(of, of_queries, metrics, seed) for name, of in rows.items()}
    found = {
        name: statistic.compare(of, rows[baseline], of_queries, metrics, seed)
        for name, of in rows.items()
        if name != baseline
    }
    pairs = [(name, m) for name in found for m in names]
    differences = [found[name][m] for name, m in pairs]
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


def _word(name: str) -> str:
    return "_".join(name.split())
