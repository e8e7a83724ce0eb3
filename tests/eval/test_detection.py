"""Every figure is compared with scikit-learn's, or counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from ragstone.eval.metrics.detection import METRICS, Outcome, Sentence, compare, measure, measure_mean
from ragstone.eval.stats import RESAMPLES, resampled


def outcome(grounded: bool | None, support: float | None, source: str = "s", threshold: float = 0.5) -> Outcome:
    flagged = None if support is None else support < threshold
    return Outcome(source, grounded, None, flagged, None if support is None else -support, support)


@pytest.fixture(scope="module")
def many() -> list[Outcome]:
    """400 responses about 100 sources; the supports have ties and say something."""
    draws = np.random.default_rng(3)
    grounded = draws.random(400) < 0.7
    supports = np.clip(draws.normal(0.45 + 0.2 * grounded, 0.2), 0, 1).round(2)
    return [
        outcome(bool(g), float(s), f"source {place // 4}")
        for place, (g, s) in enumerate(zip(grounded, supports, strict=True))
    ]


def test_the_figures_are_scikit_learns(many: list[Outcome]) -> None:
    truth = [not one.grounded for one in many]
    flags = [one.flagged for one in many]
    supports = [one.support or 0.0 for one in many]
    expected = {
        "F1": f1_score(truth, flags),
        "precision": precision_score(truth, flags),
        "recall": recall_score(truth, flags),
        "balanced accuracy": balanced_accuracy_score(truth, flags),
        "accuracy": accuracy_score(truth, flags),
        "F1 of grounded": f1_score(truth, flags, pos_label=False),
        "AUROC": roc_auc_score(truth, [-support for support in supports]),
        "Brier": brier_score_loss([not one for one in truth], supports),
        "F1, unscored passed": f1_score(truth, flags),
    }
    found = measure(many)
    assert set(found) == set(METRICS)
    for name, value in expected.items():
        assert found[name].mean == pytest.approx(value), name
        assert found[name].low < value < found[name].high, name
        assert (found[name].n, found[name].n_unscored) == (400, 0)


def test_the_intervals_are_those_of_resampled_sources(many: list[Outcome]) -> None:
    """Of scikit-learn's figures on resamples of sources, written out."""
    draws, aurocs, f1s = np.random.default_rng(11), [], []
    for _ in range(600):
        drawn = [many[4 * source + place] for source in draws.integers(100, size=100) for place in range(4)]
        truth = [not one.grounded for one in drawn]
        aurocs.append(roc_auc_score(truth, [one.suspicion for one in drawn]))
        f1s.append(f1_score(truth, [one.flagged for one in drawn]))
    found = measure(many)
    for name, values in (("AUROC", aurocs), ("F1", f1s)):
        low, high = np.percentile(values, [2.5, 97.5])
        assert found[name].low == pytest.approx(low, abs=0.02)
        assert found[name].high == pytest.approx(high, abs=0.02)


def test_responses_of_one_source_are_drawn_together() -> None:
    (weights,) = resampled(["a", "a", "b", "c", "b"])
    assert weights.shape == (RESAMPLES, 5)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 2] == weights[:, 4]).all()
    assert (weights[:, 0] + weights[:, 2] + weights[:, 3] == 3).all()
    assert weights.mean() == pytest.approx(1, abs=0.02)


def test_answers_about_few_sources_tell_less(many: list[Outcome]) -> None:
    clustered = measure([replace(one, source=str(place // 40)) for place, one in enumerate(many)])["F1"]
    copied = [replace(one, source=str(place)) for place, one in enumerate(many) for _ in range(9)]
    free = measure([replace(one, source=f"{one.source}-{n}") for n, one in enumerate(copied)])["F1"]
    honest = measure(copied)["F1"]
    assert clustered.mean == pytest.approx(free.mean) == pytest.approx(honest.mean)
    assert free.high - free.low < 0.5 * (honest.high - honest.low)  # nine copies are no more evidence than one


def test_what_was_not_scored_is_counted_and_not_taken_for_zero(many: list[Outcome]) -> None:
    more = [*many, outcome(False, None), outcome(True, None), outcome(None, 0.2)]
    found, without = measure(more), measure(many)
    for name in ("F1", "balanced accuracy", "AUROC", "ECE", "Brier"):
        assert found[name].mean == pytest.approx(without[name].mean)
        assert (found[name].n, found[name].n_unscored) == (400, 3)
    passed = found["F1, unscored passed"]
    assert passed.mean < without["F1"].mean  # one more was missed
    assert (passed.n, passed.n_unscored) == (402, 1)


def test_a_figure_that_is_not_defined_is_none() -> None:
    found = measure([outcome(True, 0.9), outcome(True, 0.8)])
    assert found["F1"].mean is found["AUROC"].mean is found["recall"].mean is None
    assert (found["F1"].n, found["F1"].n_unscored) == (0, 2)
    assert found["accuracy"].mean == 1
    assert all(value.mean is None for value in measure([]).values())


def test_ties_count_half() -> None:
    assert measure([outcome(True, 0.5), outcome(False, 0.5)])["AUROC"].mean == 0.5
    assert measure([outcome(True, 0.5), outcome(False, 0.5), outcome(False, 0.2)])["AUROC"].mean == 0.75


def test_the_calibration_error_is_the_gap_in_each_bin() -> None:
    # In 0.9..1: said 0.95 twice, one of two right; in 0.2..0.3: said 0.2, right.
    rows = [outcome(True, 0.95), outcome(False, 0.95), outcome(True, 0.2)]
    assert measure(rows)["ECE"].mean == pytest.approx((abs(0.5 - 0.95) * 2 + 0.8) / 3)
    assert measure([outcome(True, 1.0), outcome(False, 0.0)])["ECE"].mean == 0


def spanned(marked: tuple[tuple[int, int], ...] | None, *sentences: Sentence) -> Outcome:
    flagged = any(one.flagged for one in sentences)
    return Outcome("s", None if marked is None else not marked, marked, flagged, 0.0, 0.5, sentences)


def test_sentences_that_touch_a_mark_are_the_unsupported_ones() -> None:
    marks = ((8, 12), (25, 30))
    sentences = (
        Sentence(0, 10, True),  # hit
        Sentence(10, 20, False),  # missed: the first mark reaches into it
        Sentence(20, 25, True),  # false: the second mark begins where it ends
        Sentence(25, 40, None),
    )
    found = measure([spanned(marks, *sentences)])["sentence F1"]
    assert found.mean == pytest.approx(2 / (2 + 1 + 1))
    assert (found.n, found.n_unscored) == (3, 1)


def test_characters_are_counted_once_however_marks_overlap() -> None:
    one = spanned(((0, 4), (2, 6)), Sentence(0, 10, True, ((4, 8), (5, 8))), Sentence(10, 20, False, ((10, 20),)))
    whole = spanned(((0, 10),), Sentence(0, 20, True))
    found = measure([one, whole])
    overlap, claimed, marked = 2 + 10, 4 + 20, 6 + 10
    assert found["span precision"].mean == pytest.approx(overlap / claimed)
    assert found["span recall"].mean == pytest.approx(overlap / marked)
    assert found["span F1"].mean == pytest.approx(2 * overlap / (claimed + marked))


def test_without_marks_there_is_no_figure_for_sentences_and_spans() -> None:
    found = measure([spanned(None, Sentence(0, 10, True)), spanned(None, Sentence(0, 10, False))])
    assert found["sentence F1"].mean is found["span F1"].mean is None
    assert found["sentence F1"].n_unscored == found["span F1"].n_unscored == 2


def test_one_bad_sentence_flags_a_response_in_the_second_reading() -> None:
    good, bad = Sentence(0, 5, False), Sentence(5, 9, True)
    rows = [
        Outcome("a", False, None, False, 0.0, 0.8, (good, bad)),
        Outcome("b", True, None, False, 0.0, 0.8, (good,)),
    ]
    found = measure(rows)
    assert (found["F1"].mean, found["F1, any sentence"].mean) == (0, 1)
    assert found["balanced accuracy, any sentence"].mean == 1


def test_a_mean_of_parts_counts_small_parts_as_much_as_large_ones(many: list[Outcome]) -> None:
    small, large = many[:40], many[40:]
    found = measure_mean([small, large])
    for name in ("F1", "AUROC", "balanced accuracy"):
        expected = (measure(small)[name].mean + measure(large)[name].mean) / 2
        assert found[name].mean == pytest.approx(expected)
        assert found[name].low < expected < found[name].high
        assert found[name].n == 400


def test_differences_are_paired(many: list[Outcome]) -> None:
    slightly_better = [
        replace(one, flagged=not one.grounded) if place % 10 == 0 else one for place, one in enumerate(many)
    ]
    found, alone = compare(slightly_better, many)["F1"], measure(many)["F1"]
    assert found.mean == pytest.approx(measure(slightly_better)["F1"].mean - alone.mean)
    assert 0 < found.low < found.mean < found.high
    assert found.high - found.low < 0.7 * (alone.high - alone.low)
    assert compare(many, many)["AUROC"].high == 0


def test_only_what_both_have_scored_is_compared(many: list[Outcome]) -> None:
    silent = [
        replace(one, flagged=None, support=None, suspicion=None) if n < 100 else one for n, one in enumerate(many)
    ]
    found = compare(silent, many)["F1"]
    assert (found.mean, found.n, found.n_unscored) == (0, 300, 100)
