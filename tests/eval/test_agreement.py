"""Agreement with people: against scipy and scikit-learn, and against what RAGChecker published."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from ragstone.errors import DataError
from ragstone.eval.metrics.agreement import accuracy, auroc, balanced_accuracy, kappa, pearson, spearman
from ragstone.eval.readers.ragchecker import ASPECTS, read_ragchecker
from ragstone.eval.task import Row
from ragstone.eval.tasks.judging import JudgingTask

DRAWS = np.random.default_rng(3)
SCORE = np.round(DRAWS.normal(size=60), 1)  # with ties
LABEL = (SCORE + DRAWS.normal(size=60) > 0).astype(float)
WEIGHTS = DRAWS.multinomial(60, np.full(60, 1 / 60), size=3).astype(float)
COLUMNS = {"score": SCORE, "verdict": (SCORE > 0.3).astype(float), "label": LABEL}


@pytest.mark.parametrize(
    ("ours", "column", "theirs"),
    [
        (pearson, "score", lambda score, label: stats.pearsonr(score, label)[0]),
        (spearman, "score", lambda score, label: stats.spearmanr(score, label)[0]),
        (auroc, "score", lambda score, label: metrics.roc_auc_score(label, score)),
        (accuracy, "verdict", metrics.accuracy_score),
        (balanced_accuracy, "verdict", lambda verdict, label: metrics.balanced_accuracy_score(label, verdict)),
        (kappa, "verdict", metrics.cohen_kappa_score),
    ],
)
def test_a_resample_has_the_value_of_its_items_repeated(ours, column, theirs) -> None:  # type: ignore[no-untyped-def]
    for weights, found in zip(WEIGHTS, ours(WEIGHTS, COLUMNS), strict=True):
        repeated = [np.repeat(values, weights.astype(int)) for values in (COLUMNS[column], LABEL)]
        assert found == pytest.approx(theirs(*repeated))


def test_an_unscored_item_is_left_out_and_what_is_not_defined_is_nan() -> None:
    columns = {name: np.append(values, np.nan if name != "label" else 1.0) for name, values in COLUMNS.items()}
    weights = np.ones((1, 61))
    for statistic in (pearson, spearman, auroc, accuracy, balanced_accuracy, kappa):
        assert statistic(weights, columns) == pytest.approx(statistic(np.ones((1, 60)), COLUMNS))
        nothing = {name: np.full(61, np.nan) for name in columns}
        assert np.isnan(statistic(weights, nothing)).all()


def test_ragcheckers_own_scores_reproduce_its_published_correlations(bench_data: Path) -> None:
    pairs = read_ragchecker(bench_data / "grounding" / "ragchecker_meta")
    assert len(pairs) == 280
    task = JudgingTask()
    said = [{aspect: {"score": pair.published[aspect]} for aspect in ASPECTS} for pair in pairs]
    rows = [
        Row(pair.id, "", pair.id, {}, output, task.values(pair, output))
        for pair, output in zip(pairs, said, strict=True)
    ]
    found = task.measure(rows)
    published = {"correctness": 49.66, "completeness": 60.67, "overall": 61.93}  # table 2
    assert {aspect: round(100 * found[f"Pearson {aspect}"].mean, 2) for aspect in ASPECTS} == published
    humans = {aspect: np.array([pair.human[aspect] for pair in pairs], dtype=float) for aspect in ASPECTS}
    between = {
        aspect: round(100 * pearson(np.ones((1, 280)), {"score": two[:, 0], "label": two[:, 1]})[0], 2)
        for aspect, two in humans.items()
    }
    assert between == {"correctness": 63.67, "completeness": 71.91, "overall": 70.09}


def test_a_folder_without_ragcheckers_files_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        read_ragchecker(tmp_path)
