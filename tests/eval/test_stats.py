import numpy as np
import pytest
from scipy import stats

from ragstone.eval.stats import compare, estimate, holm, percentile, randomization_test


def test_few_pairs_have_the_p_value_that_counting_gives() -> None:
    # Of the 2 ** 6 signs of six equal differences, two give a sum as far from 0.
    assert randomization_test(np.full(6, 0.25)) == pytest.approx(2 / 64, abs=0.005)
    # 3, 2, 1 and -1: at least 5 away from 0 are the sums 7, 5, 5, -7, -5, -5, so 6 of 16.
    assert randomization_test(np.array([3.0, 2.0, 1.0, -1.0])) == pytest.approx(6 / 16, abs=0.015)


def test_the_p_value_is_that_of_scipys_permutation_test() -> None:
    draws = np.random.default_rng(3)
    ours = draws.normal(0.55, 0.2, 12)
    theirs = ours - draws.normal(0.1, 0.2, 12)
    exact = stats.permutation_test(
        (ours, theirs), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
    )
    assert 0.02 < exact.pvalue < 0.5
    assert randomization_test(ours - theirs) == pytest.approx(exact.pvalue, abs=0.01)
    assert randomization_test(theirs - ours) == randomization_test(ours - theirs)


def test_when_there_is_no_difference_p_is_uniform() -> None:
    draws = np.random.default_rng(0)
    p_values = [randomization_test(draws.normal(size=40), seed) for seed in range(200)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_p_is_never_zero_and_pairs_without_a_difference_tell_nothing() -> None:
    assert randomization_test(np.ones(100)) == 1 / 10_001
    assert randomization_test(np.zeros(5)) == 1.0
    some = np.array([0.3, -0.1, 0.2, 0.4])
    assert randomization_test(np.concatenate([some, np.zeros(50)])) == randomization_test(some)


def test_a_comparison_is_paired() -> None:
    baseline = np.random.default_rng(0).random(200).tolist()
    difference = compare([value + 0.01 for value in baseline], baseline)
    assert difference.mean.mean == pytest.approx(0.01)
    assert difference.mean.low == pytest.approx(0.01)
    assert difference.p == 1 / 10_001


def test_an_item_that_one_side_could_not_score_is_unscored() -> None:
    difference = compare([1.0, None, 0.5, *[0.25] * 5], [0.0, 1.0, None, *[0.0] * 5])
    assert (difference.mean.n, difference.mean.n_unscored) == (6, 2)
    assert difference.mean.mean == pytest.approx(0.375)
    assert difference.effect == pytest.approx(0.375 / np.std([1.0, *[0.25] * 5], ddof=1))
    nothing = compare([None], [1.0])
    assert (nothing.mean.mean, nothing.p, nothing.effect) == (None, None, None)
    assert compare([0.5] * 6, [0.5] * 6).effect is None


def test_a_comparison_tells_both_figures_over_the_pairs() -> None:
    found = compare([1.0] * 8 + [None, 0.0], [0.5] * 8 + [0.0, None])
    assert found.value is not None and found.baseline is not None
    assert (found.value.mean, found.baseline.mean, found.value.n, found.mean.mean) == (1.0, 0.5, 8, 0.5)
    assert compare([None], [1.0]).value is None


def test_pairs_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        compare([1.0], [1.0, 0.0])


def test_holm_multiplies_the_smallest_most() -> None:
    # Holm's own steps: .005 * 4, .01 * 3, then .03 * 2 and .04 * 1, which may not be smaller than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, None, 0.8]) == [1.0, None, 1.0]
    assert holm([]) == []


def test_the_interval_of_many_values_takes_the_draws_in_parts() -> None:
    values = np.random.default_rng(0).random(3_000)
    draws = np.random.default_rng(5)
    means = [values[draws.integers(3_000, size=3_000)].mean() for _ in range(10_000)]
    found = estimate(values.tolist(), seed=5)
    assert [found.low, found.high] == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=1e-12)


def test_of_fewer_than_six_values_the_interval_is_unknown() -> None:
    for values in ([0.5], [1.0, 2.0, 3.0, 4.0, 5.0]):
        for found in (estimate(values), percentile(values, 50)):
            assert (found.mean, found.low, found.high) == (np.median(values), None, None)
            assert (found.n, found.sources) == (len(values), len(values))
    few = compare([1.0, 1.0, 1.0], [0.0, 0.0, 0.0])
    assert (few.mean.mean, few.mean.low, few.p, few.effect) == (1.0, None, None, None)
    assert str(few.mean) == "1.000 [unknown] (n = 3)"
    assert estimate([0.0, 1.0] * 3).has_interval
    assert percentile([0.0, 1.0] * 3, 50).has_interval
    assert str(estimate([None])) == "unscored (n = 0, 1 unscored)"
