import pytest

from ragstone.eval.metrics.answers import best_subspan_em, normalize
from ragstone.eval.stats import estimate


def test_normalizing_follows_squad() -> None:
    assert normalize("The  U.S. grid, and a cable!") == "us grid and cable"


@pytest.mark.parametrize(
    ("answer", "references", "expected"),
    [
        ("It was Wilhelm Conrad Röntgen, in 1901.", ["Wilhelm Conrad Röntgen"], 1.0),
        ("It was Marie Curie.", ["Wilhelm Conrad Röntgen", "marie curie"], 1.0),
        ("It was Pierre.", ["Marie Curie"], 0.0),
    ],
)
def test_a_reference_inside_the_answer_counts(answer: str, references: list[str], expected: float) -> None:
    assert best_subspan_em(answer, references) == expected


def test_what_could_not_be_scored_is_counted_and_not_averaged() -> None:
    value = estimate([1.0, None, 0.0, None])
    assert (value.mean, value.n, value.n_unscored) == (0.5, 2, 2)


def test_nothing_scored_is_not_zero() -> None:
    assert estimate([None]).mean is None
    assert str(estimate([None])) == "unscored (n = 0, 1 unscored)"


def test_the_interval_holds_the_mean_and_is_the_same_each_time() -> None:
    values = [1.0] * 70 + [0.0] * 30
    first = estimate(values)
    assert first.low is not None and first.high is not None
    assert 0.6 < first.low < 0.7 < first.high < 0.8
    # The normal approximation's half width is 1.96 * sqrt(.7 * .3 / 100) = .090.
    assert first.high - first.low == pytest.approx(0.18, abs=0.02)
    assert estimate(values) == first
