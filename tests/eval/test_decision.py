from pathlib import Path

import pytest

from ragstone.errors import SettingsError
from ragstone.eval.decision import CRITERIA, decide, read_weights

SMALL = {"accuracy": 0.4, "speed": 60.0, "latency": 500.0, "privacy": 1.0, "bias": None}
LARGE = {"accuracy": 0.8, "speed": 20.0, "latency": 2000.0, "privacy": 1.0, "bias": None}
BOTH = {"small": SMALL, "large": LARGE}


def test_scores_are_ratios_to_the_best_and_totals_their_weighted_sum() -> None:
    matrix = decide(BOTH, {"accuracy": 3.0, "speed": 1.0, "latency": 1.0})
    assert matrix.scores["small"] == {"accuracy": 0.5, "speed": 1.0, "latency": 1.0}
    assert matrix.scores["large"] == {"accuracy": 1.0, "speed": pytest.approx(1 / 3), "latency": 0.25}
    assert matrix.weights == pytest.approx({"accuracy": 0.6, "speed": 0.2, "latency": 0.2})
    assert matrix.totals == pytest.approx({"small": 0.7, "large": 0.6 + 0.2 / 3 + 0.05})
    assert list(matrix.totals) == ["large", "small"]


def test_the_gains_add_up_to_the_lead() -> None:
    matrix = decide(BOTH, {"accuracy": 3.0, "speed": 1.0, "latency": 1.0})
    gains = matrix.gains("large", "small")
    assert next(iter(gains)) == "accuracy"
    assert sum(gains.values()) == pytest.approx(matrix.totals["large"] - matrix.totals["small"])


def test_what_is_unscored_counts_for_nothing_and_not_as_zero() -> None:
    matrix = decide(BOTH, {"accuracy": 1.0, "bias": 3.0, "cost": 1.0})
    assert matrix.unscored == ("cost", "bias")
    assert matrix.weights == {"accuracy": 1.0}
    assert matrix.totals == {"large": 1.0, "small": 0.5}


def test_a_criterion_that_one_model_has_no_value_for_counts_for_none() -> None:
    matrix = decide({"small": SMALL, "large": LARGE | {"accuracy": None}}, {"accuracy": 9.0, "speed": 1.0})
    assert matrix.unscored == ("accuracy",)
    assert list(matrix.totals) == ["small", "large"]


def test_a_criterion_without_weight_is_not_called_unscored() -> None:
    assert decide(BOTH, {"accuracy": 1.0, "bias": 0.0}).unscored == ()


def test_equal_values_score_alike_also_when_they_are_zero() -> None:
    rows = {"a": {"accuracy": 0.0, "cost": 0.0}, "b": {"accuracy": 0.0, "cost": 5.0}}
    matrix = decide(rows, {"accuracy": 1.0, "cost": 1.0})
    assert matrix.scores == {"a": {"accuracy": 1.0, "cost": 1.0}, "b": {"accuracy": 1.0, "cost": 0.0}}


def test_nothing_scored_gives_no_weights() -> None:
    assert decide(BOTH, {"bias": 1.0}).weights == {}


def test_the_default_weights_add_up_to_one() -> None:
    assert sum(read_weights(None).values()) == pytest.approx(1.0)
    assert set(read_weights(None)) == set(CRITERIA)


def test_weights_of_a_file_replace_the_defaults_that_they_name(tmp_path: Path) -> None:
    (tmp_path / "weights.toml").write_text("accuracy = 1\nbias = 0.0\n")
    weights = read_weights(tmp_path / "weights.toml")
    assert (weights["accuracy"], weights["bias"], weights["speed"]) == (1.0, 0.0, CRITERIA["speed"].weight)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("acuracy = 1", "Did you mean 'accuracy'"),
        ("zzz = 1", "There are accuracy"),
        ("speed = -1", "at least 0"),
        ("speed = true", "at least 0"),
        ("speed = nan", "at least 0"),
        ("speed = inf", "at least 0"),
        ("speed = 'much'", "at least 0"),
        ("speed =", "cannot be read"),
        ("\n".join(f"{name} = 0" for name in CRITERIA), "all weights are 0"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "weights.toml").write_text(text)
    with pytest.raises(SettingsError, match=said):
        read_weights(tmp_path / "weights.toml")


def test_a_file_of_weights_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        read_weights(tmp_path / "absent.toml")
