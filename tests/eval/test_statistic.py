import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragstone.eval.metrics.statistic import Metric, compare, mean_metric, measure, total
from ragstone.eval.stats import estimate


def test_a_mean_leaves_out_what_is_unscored_and_what_does_not_concern_it():
    rows = [{"right": 1.0}, {"right": None}, {"other": 1.0}, {"right": 0.0}, {"right": 1.0}, *[{"right": 1.0}] * 3]
    found = measure(rows, list("abcdefgh"), [mean_metric("right", "")])["right"]
    assert found.mean == pytest.approx(5 / 6)
    assert (found.n, found.n_unscored) == (6, 1)
    assert found.low is not None and found.high is not None and 0 <= found.low < found.mean < found.high <= 1


def test_nothing_scored_is_unscored_and_not_zero():
    found = measure([{"right": None}, {"right": None}], ["a", "b"], [mean_metric("right", "")])["right"]
    assert (found.mean, found.low, found.high, found.n, found.n_unscored) == (None, None, None, 0, 2)
    assert measure([], [], [mean_metric("right", "")])["right"].n == 0


def test_items_of_one_source_are_drawn_together():
    rows = [{"right": float(place % 2)} for place in range(40)]
    alone = measure(rows, [str(place) for place in range(40)], [mean_metric("right", "")])["right"]
    paired = measure(rows, [str(place // 2) for place in range(40)], [mean_metric("right", "")])["right"]
    assert paired.low == paired.high == 0.5  # each source has one of either
    assert alone.low is not None and alone.low < 0.4


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=30))
@settings(max_examples=20, deadline=None)
def test_the_mean_is_that_of_the_plain_estimate(values: list[float | None]):
    found = measure([{"x": value} for value in values], [str(n) for n in range(len(values))], [mean_metric("x", "")])
    plain = estimate(values)
    assert found["x"].mean == (None if plain.mean is None else pytest.approx(plain.mean))
    assert (found["x"].n, found["x"].n_unscored) == (plain.n, plain.n_unscored)


def test_a_ratio_of_sums_is_no_mean_of_ratios():
    ratio = Metric("share", "", lambda w, c: total(w, c["part"]) / total(w, c["whole"]), ("part", "whole"))
    found = measure([{"part": 1.0, "whole": 1.0}, {"part": 0.0, "whole": 9.0}], ["a", "b"], [ratio])["share"]
    assert found.mean == pytest.approx(0.1)


def test_a_comparison_is_paired_and_tells_its_p_value_and_effect():
    rng = np.random.default_rng(0)
    before = [{"x": float(v)} for v in rng.normal(0.5, 0.2, 60)]
    after = [{"x": row["x"] + float(d)} for row, d in zip(before, rng.normal(0.05, 0.05, 60), strict=True)]
    sources = [str(n) for n in range(60)]
    found = compare(after, before, sources, [mean_metric("x", "")])["x"]
    assert found.mean.low is not None and found.mean.low > 0  # though 0.05 is a quarter of the spread of the values
    assert found.p is not None and found.p < 0.001
    assert found.effect is not None and 0.5 < found.effect < 1.5
    same = compare(before, before, sources, [mean_metric("x", "")])["x"]
    assert (same.mean.mean, same.p, same.effect) == (0.0, 1.0, None)


def test_a_comparison_leaves_out_what_either_could_not_score():
    after = [{"x": 1.0}, {"x": None}, {"x": 1.0}, {}]
    before = [{"x": 0.0}, {"x": 1.0}, {"x": None}, {}]
    found = compare(after, before, list("abcd"), [mean_metric("x", "")])["x"]
    assert (found.mean.mean, found.mean.n, found.mean.n_unscored) == (1.0, 1, 2)


def test_where_sources_are_shared_the_p_value_is_that_of_the_resamples():
    sources = [str(n // 2) for n in range(40)]
    after = [{"x": 1.0} for _ in range(40)]
    before = [{"x": float(n % 4 == 0)} for n in range(40)]
    found = compare(after, before, sources, [mean_metric("x", "")])["x"]
    assert found.p is not None and 0 < found.p < 0.001


def test_by_fewer_than_six_sources_no_interval_is_told_and_nothing_is_tested():
    draws = np.random.default_rng(0)
    before = [{"x": float(v)} for v in draws.random(50)]
    after = [{"x": row["x"] + float(d)} for row, d in zip(before, draws.normal(-0.02, 0.3, 50), strict=True)]
    for sources in (1, 5):
        names = [str(n % sources) for n in range(50)]
        found = measure(after, names, [mean_metric("x", "")])["x"]
        assert (found.low, found.high, found.n, found.sources) == (None, None, 50, sources)
        assert found.mean == pytest.approx(np.mean([row["x"] for row in after]))
        changed = compare(after, before, names, [mean_metric("x", "")])["x"]
        assert (changed.mean.low, changed.mean.high, changed.p, changed.effect) == (None, None, None, None)
        assert changed.mean.mean is not None
    assert str(measure(after, ["a"] * 50, [mean_metric("x", "")])["x"]).endswith(" [unknown] (n = 50 of 1 source)")
    six = measure(after, [str(n % 6) for n in range(50)], [mean_metric("x", "")])["x"]
    assert six.low is not None and six.high is not None and six.low < six.high and six.count == "50"


def test_only_the_sources_of_what_was_scored_count():
    rows = [{"x": float(n % 2) if n < 4 else None, "y": float(n % 2)} for n in range(20)]
    found = measure(rows, [str(n) for n in range(20)], [mean_metric("x", ""), mean_metric("y", "")])
    assert (found["x"].mean, found["x"].low, found["x"].sources) == (0.5, None, 4)
    assert found["y"].low is not None and found["y"].sources == 20


def test_p_is_no_less_than_so_few_sources_can_give():
    # Of the 2 ** 7 signs of seven sources, two give a sum as far from 0, however many items each has.
    sources = [str(n % 7) for n in range(70)]
    after, before = [{"x": 1.0, "of": 1.0}] * 70, [{"x": 0.5 + n % 3 / 9, "of": 1.0} for n in range(70)]
    ratio = Metric("ratio", "", lambda w, c: total(w, c["x"]) / total(w, c["of"]), ("x", "of"))
    found = compare(after, before, sources, [mean_metric("x", ""), ratio])
    assert found["x"].p == pytest.approx(2 / 128, abs=0.004)
    assert found["ratio"].p == 2 / 128


def test_when_there_is_no_difference_the_test_over_shared_sources_rings_one_time_in_twenty():
    draws, rung = np.random.default_rng(1), 0
    sources = [str(n % 10) for n in range(40)]
    for seed in range(100):
        of_source = draws.normal(size=10)
        rows = [{"x": float(of_source[n % 10] + draws.normal(0, 0.1))} for n in range(40)]
        p = compare(rows, [{"x": 0.0}] * 40, sources, [mean_metric("x", "")], seed)["x"].p
        rung += p is not None and p < 0.05
    assert rung <= 11  # of 100 with a chance of .05 more than that come one time in two hundred
