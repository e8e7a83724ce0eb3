"""How well a ranking puts what is relevant first. The arithmetic is trec_eval's own, through ir_measures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Qrels = Mapping[str, Mapping[str, int]]
"""Query to document to grade of relevance; a document is relevant from grade 1 on, one without a grade is not."""
Run = Mapping[str, Sequence[str]]
"""Query to documents, best first, none twice."""

DEPTH = 100
"""Documents of a ranking that are looked at."""
METRICS = ("nDCG@10", "MRR@10", "MAP@100", "Recall@5", "Recall@20", "Recall@100")


def score(run: Run, qrels: Qrels, metrics: Iterable[str] = METRICS) -> dict[str, dict[str, float | None]]:
    """Metric to query to value, 0..1, for every query of the qrels.

    A query that the run lacks scores 0. One without any relevant document cannot be scored: its values are None.

    Args:
        run: What was found.
        qrels: What is relevant.
        metrics: Names that ir_measures knows: `nDCG@10` (gains are the grades, discounts log2), `MRR@10`, `MAP@100`,
            `Recall@5`, `Success@1`, ...

    Sources: nDCG: Järvelin and Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques", TOIS 2002. The rest:
    Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008, chapter 8. Software: MacAvaney,
    Macdonald and Ounis, "Streamlining Evaluation with ir-measures", ECIR 2022; trec_eval, by pytrec_eval.
    """
    import ir_measures

    names = {ir_measures.parse_measure(name): name for name in metrics}
    values: dict[str, dict[str, float | None]] = {name: dict.fromkeys(qrels) for name in names.values()}
    scorable = {q: dict(grades) for q, grades in qrels.items() if any(grade > 0 for grade in grades.values())}
    # trec_eval sorts by score, and documents of one score by name: with these scores the order stays as it is.
    scores = {q: {d: float(-place) for place, d in enumerate(run[q])} for q in scorable if run.get(q)}
    if scorable:
        for one in ir_measures.iter_calc(names, scorable, scores):
            values[names[one.measure]][one.query_id] = float(one.value)
    return values
