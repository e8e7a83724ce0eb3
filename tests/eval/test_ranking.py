import math
from pathlib import Path

import ir_measures
import numpy as np
import pytest
import pytrec_eval

from ragstone.eval.metrics.ranking import METRICS, score
from ragstone.eval.ranking import RankingReport, evaluate, report, run_queries, write_trec
from ragstone.eval.readers.corpus import CorpusDocument, JudgedCorpus


def of(metric: str, found: list[str], grades: dict[str, int]) -> float | None:
    return score({"q": found}, {"q": grades}, [metric])[metric]["q"]


def test_ndcg_takes_the_grades_as_gains() -> None:
    # Gains 1, 0, 2 at the ranks 1, 2, 3; at best 2, 1.
    expected = (1 + 2 / math.log2(4)) / (2 + 1 / math.log2(3))
    assert of("nDCG@10", ["b", "x", "a"], {"a": 2, "b": 1, "z": 0}) == pytest.approx(expected)


def test_the_other_metrics_as_counted_by_hand() -> None:
    found, grades = ["x", "a", "y", "b", "z", "c"], {"a": 1, "b": 3, "c": 1, "d": 1}
    assert of("MRR@10", found, grades) == 1 / 2
    assert of("MAP@100", found, grades) == pytest.approx((1 / 2 + 2 / 4 + 3 / 6) / 4)
    assert of("Recall@2", found, grades) == 1 / 4
    assert of("Recall@5", found, grades) == 2 / 4
    assert of("Recall@100", found, grades) == 3 / 4
    assert of("Success@1", found, grades) == 0


def test_a_metric_looks_no_further_than_its_depth() -> None:
    found = [f"x{place}" for place in range(10)] + ["a"]
    assert of("nDCG@10", found, {"a": 1}) == of("MRR@10", found, {"a": 1}) == of("Recall@5", found, {"a": 1}) == 0
    assert of("Recall@20", found, {"a": 1}) == 1


def test_the_order_stands_whatever_the_documents_are_called() -> None:
    """trec_eval breaks ties by name; a ranking has none."""
    for found in (["a", "b", "c"], ["c", "b", "a"]):
        assert of("MRR@10", found, {found[0]: 1}) == 1
        assert of("MRR@10", found, {found[2]: 1}) == pytest.approx(1 / 3)


def test_a_query_that_found_nothing_scores_nothing() -> None:
    run, qrels = {"q1": ["a"], "q2": [], "unasked": ["a"]}, {"q1": {"a": 1}, "q2": {"a": 1}, "q3": {"a": 1}}
    for values in score(run, qrels).values():
        assert values == {"q1": 1.0, "q2": 0.0, "q3": 0.0}


def test_a_query_without_a_relevant_document_is_unscored() -> None:
    qrels = {"q1": {"a": 1}, "q2": {"a": 0}, "q3": {}, "q4": {"a": -1}}
    for values in score({query: ["a", "b"] for query in qrels}, qrels).values():
        assert values == {"q1": 1.0, "q2": None, "q3": None, "q4": None}
    assert score({"q": ["a"]}, {"q": {"a": 0}}, ["MAP@100"]) == {"MAP@100": {"q": None}}


def test_every_figure_is_that_of_trec_eval() -> None:
    """pytrec_eval is trec_eval's own C code; it is given the scores of a search here, not our ranks."""
    draws = np.random.default_rng(0)
    documents = [f"d{number}" for number in range(300)]
    qrels, scores = {}, {}
    for query in (f"q{number}" for number in range(60)):
        judged = draws.choice(documents, size=draws.integers(1, 40), replace=False)
        qrels[query] = {str(document): int(draws.integers(0, 4)) for document in judged} | {"absent": 1}
        found = draws.choice(documents, size=draws.integers(1, 150), replace=False)
        scores[query] = dict(zip(map(str, found), draws.normal(size=len(found)).tolist(), strict=True))
    run = {query: sorted(found, key=found.__getitem__, reverse=True)[:100] for query, found in scores.items()}
    ours = score(run, qrels)
    names = {"nDCG@10": "ndcg_cut_10", "MAP@100": "map_cut_100"} | {f"Recall@{k}": f"recall_{k}" for k in (5, 20, 100)}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, set(names.values())).evaluate(scores)
    for name, trec_name in names.items():
        assert ours[name] == pytest.approx({query: values[trec_name] for query, values in theirs.items()}, abs=1e-12)
    tens = {query: {document: scores[query][document] for document in found[:10]} for query, found in run.items()}
    reciprocal = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(tens)
    assert ours["MRR@10"] == pytest.approx({query: values["recip_rank"] for query, values in reciprocal.items()})
    assert set(ours) == {*names, "MRR@10"} == set(METRICS)


def _corpus() -> JudgedCorpus:
    documents = tuple(CorpusDocument(f"doc {number}", "", "") for number in range(4))
    qrels = {"q 1": {"doc 0": 2, "doc 1": 0}, "q 2": {"doc 3": 1}, "q 3": {"doc 9": 1}}
    return JudgedCorpus("tiny", documents, {query: query for query in qrels}, qrels)


def test_the_files_for_trec_eval_give_the_same_figures(tmp_path: Path) -> None:
    corpus = _corpus()
    runs = {
        "good": {"q 1": ["doc 0"], "q 2": ["doc 1", "doc 3"]},
        "poor": {"q 1": ["doc 2", "doc 1", "doc 0"], "q 2": [], "q 3": ["doc 0"]},
    }
    found = evaluate(runs, corpus.qrels, "good")
    write_trec(tmp_path / "new", corpus, runs)
    qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "new" / "tiny.qrels")))
    for name in runs:
        run = list(ir_measures.read_trec_run(str(tmp_path / "new" / f"tiny.{name}.run")))
        means = ir_measures.calc_aggregate(map(ir_measures.parse_measure, METRICS), qrels, run)
        for metric in METRICS:
            assert found.estimates[name][metric].mean == pytest.approx(means[ir_measures.parse_measure(metric)])
            assert found.estimates[name][metric].n == 3


def test_a_report_compares_with_the_baseline_and_corrects_for_every_comparison() -> None:
    corpus = _corpus()
    runs = {"a": run_queries(corpus.queries, lambda _: ["doc 0"]), "b": {}, "c": {}}
    found = evaluate(runs, corpus.qrels, "b", ["MRR@10", "Recall@5"])
    assert [(c.configuration, c.metric) for c in found.contrasts] == [
        *(("a", "MRR@10"), ("a", "Recall@5"), ("c", "MRR@10"), ("c", "Recall@5")),
    ]
    first = found.contrasts[0]
    assert first.difference.mean.mean == pytest.approx(1 / 3)
    assert (first.difference.p, first.p_holm) == (None, None)  # three queries are too few
    more = {f"q {n}": float(n % 2) for n in range(12)}
    of_more = report({"a": {"MRR@10": more}, "b": {"MRR@10": dict.fromkeys(more, 0.0)}, "c": {"MRR@10": more}}, "b")
    one, other = of_more.contrasts
    assert one.difference.p is not None and one.p_holm == pytest.approx(2 * one.difference.p)
    assert other.p_holm == one.p_holm
    shown = found.as_json(per_query=True)
    assert shown["per_query"]["a"]["MRR@10"] == {"q 1": 1.0, "q 2": 0.0, "q 3": 0.0}
    assert "per_query" not in found.as_json(per_query=False)


def test_queries_of_one_source_are_drawn_together() -> None:
    values = {f"q {n:02}": float(n < 24) for n in range(48)}
    sources = {query: f"article {n // 6}" for n, query in enumerate(values)}
    runs = {"a": {"MRR@10": values}, "b": {"MRR@10": dict.fromkeys(values, 0.0)}}
    alone, together = report(runs, "b"), report(runs, "b", sources=sources)

    def width(found: RankingReport) -> float:
        of = found.estimates["a"]["MRR@10"]
        assert of.low is not None and of.high is not None and of.mean == 0.5
        return of.high - of.low

    assert together.estimates["a"]["MRR@10"].sources == 8
    assert width(together) > 1.8 * width(alone)
    p, shared = (found.contrasts[0].difference.p for found in (alone, together))
    assert p is not None and shared is not None and p < 0.001 < 0.05 < shared  # four of eight articles, not 24 of 48


def test_a_hundred_documents_are_kept() -> None:
    run = run_queries({"q": "text"}, lambda _: [str(number) for number in range(150)])
    assert run == {"q": [str(number) for number in range(100)]}


def test_a_sample_of_queries_is_the_same_each_time_and_keeps_the_corpus() -> None:
    queries = {f"q{number}": "" for number in range(100)}
    corpus = JudgedCorpus("many", _corpus().corpus, queries, {query: {"doc 1": 1} for query in queries})
    drawn = corpus.sample(10, seed=1)
    assert drawn == corpus.sample(10, seed=1) != corpus.sample(10, seed=2)
    assert len(drawn.queries) == 10 and list(drawn.queries) == list(drawn.qrels)
    assert drawn.corpus == corpus.corpus
    assert corpus.sample(None) is corpus.sample(100) is corpus
    assert _corpus().absent == 1
