import numpy as np
import pytest
from scipy import stats

from ragstone.eval.drift import adjusted, numbers_shift, share_shift, stability_index, vectors_shift


def draw(seed: int, n: int, at: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(at, 1, n)


def test_two_samples_of_one_distribution_show_no_shift_and_moved_ones_do():
    before = list(draw(2, 150))
    same, moved = (numbers_shift("score", list(draw(1, 120, at)), before) for at in (0.0, 1.0))
    assert (same.n, same.n_baseline) == (120, 150)
    assert same.p is not None and moved.p is not None and same.p > 0.05 > 1e-6 > moved.p
    assert same.psi is not None and moved.psi is not None and same.psi < 0.25 < moved.psi
    vectors = {at: np.tile(draw(3, 60, at)[:, None], 4).astype(np.float32) for at in (0.0, 1.0)}
    baseline = np.tile(draw(4, 80)[:, None], 4).astype(np.float32)
    assert vectors_shift("questions", vectors[0.0], baseline).p > 0.05  # type: ignore[operator]
    assert vectors_shift("questions", vectors[1.0], baseline).p == pytest.approx(1 / 2001)  # the least there is


def test_the_energy_coefficient_is_scipys_energy_distance_as_a_share():
    now, before = draw(1, 40, 0.5), draw(2, 30)
    found = vectors_shift("questions", now[:, None].astype(np.float32), before[:, None].astype(np.float32))
    apart = 2 * np.abs(now[:, None] - before[None, :]).mean()
    assert found.statistic == pytest.approx(stats.energy_distance(now, before) ** 2 / apart, rel=1e-4)


def test_false_alarms_come_no_more_often_than_the_level_says():
    draws = np.random.default_rng(0)
    alarms = 0
    for _ in range(40):
        both = draws.normal(size=(40, 3)).astype(np.float32)
        alarms += vectors_shift("questions", both[:20], both[20:]).p < 0.05  # type: ignore[operator]
    assert alarms <= 6  # of 40 at 5 %, more than 6 would come in 1 % of all worlds


def test_shares_are_compared_exactly():
    found = share_shift("not answered", [True] * 9 + [False] * 3, [True] * 2 + [False] * 10)
    assert found.statistic == pytest.approx(7 / 12)
    assert found.p == pytest.approx(stats.fisher_exact([[9, 3], [2, 10]]).pvalue)


def test_too_few_are_not_tested_and_do_not_count_among_the_tests():
    few = numbers_shift("support", [0.5] * 9 + [None] * 90, [0.5] * 50)
    assert (few.n, few.statistic, few.p) == (9, None, None)
    tested = numbers_shift("score", list(draw(1, 50, 0.6)), list(draw(2, 50)))
    first, second = adjusted([few, tested])
    assert (first.p_holm, first.shifted) == (None, False)
    assert second.p_holm == tested.p and second.shifted and second.psi is None  # an index of 50 would be chance


def test_the_stability_index_of_a_sample_with_itself_is_zero_also_where_most_values_are_equal():
    values = np.array([0.0] * 90 + [1.0] * 10)
    assert stability_index(values, values) == 0
    assert stability_index(1 - values, values) > 0.25
