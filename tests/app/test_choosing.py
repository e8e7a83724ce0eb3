"""What is recommended, and how sure it is."""

from pathlib import Path

import pytest

from ragstone import Ragstone
from ragstone.app.benching import Answered, ModelBench, Question, read_questions, texts_of
from ragstone.app.choosing import choose, perplexities
from ragstone.errors import ModelLoadError, SourceError
from ragstone.eval.decision import read_weights
from ragstone.generation.energy import Energy
from ragstone.generation.llama import Perplexity
from ragstone.generation.llama.speed import Facts, Speed

QUESTIONS = [Question(f"Question {number}?", "yes") for number in range(40)]
NO_ENERGY = Energy(None, "nothing measures it here")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "model.gguf").write_bytes(bytes(1000))
    return tmp_path / "model.gguf"


def measured(file: Path, name: str, right: int | None, decode: float, first_token: float, joules: Energy) -> ModelBench:
    answered = None
    if right is not None:
        correct: list[float | None] = [float(number < right) for number in range(40)]
        answered = Answered(QUESTIONS, correct, [1.0] * 40, [joules] * 40)
    return ModelBench(
        name,
        file,
        facts=Facts(4096, None, 1000, 3, 0, ()),
        ours=[Speed(10 * decode, decode)],
        peak_bytes=1e6,
        first_token_ms=[first_token],
        answered=answered,
    )


def test_the_best_weighted_model_is_recommended_and_what_decided_it_is_named(file: Path) -> None:
    small = measured(file, "small", 8, 60, 400, NO_ENERGY)
    large = measured(file, "large", 36, 30, 800, NO_ENERGY)
    choice = choose([small, large], read_weights(None))
    assert choice is not None
    assert choice.model == "large"
    assert "of small; won by accuracy" in choice.reason
    assert "in spite of latency" in choice.reason
    assert set(choice.unscored) == {"cost", "bias"}
    assert choice.unscored["cost"] == "nothing measures it here"
    assert sum(choice.matrix.weights.values()) == pytest.approx(1.0)
    (contrast,) = choice.accuracy
    assert contrast.significant
    assert contrast.difference.mean.mean == pytest.approx(0.7)
    assert choice.warnings == []


def test_an_accuracy_that_may_be_chance_is_told(file: Path) -> None:
    one, other = (measured(file, f"model-{right}", right, 60, 400, NO_ENERGY) for right in (30, 31))
    choice = choose([one, other], read_weights(None))
    assert choice is not None
    assert choice.model == "model-31"
    (warning,) = choice.warnings
    assert "not significantly different from that of model-30" in warning


def test_energy_counts_where_it_was_measured_of_all(file: Path) -> None:
    models = [measured(file, name, 30, 60, 400, Energy(joules)) for name, joules in {"a": 10.0, "b": 40.0}.items()]
    choice = choose(models, read_weights(None))
    assert choice is not None
    assert choice.model == "a"
    assert choice.matrix.scores["b"]["cost"] == 0.25
    assert set(choice.unscored) == {"bias"}


def test_without_questions_neither_accuracy_nor_cost_counts(file: Path) -> None:
    models = [measured(file, name, None, decode, 400, NO_ENERGY) for name, decode in {"a": 20.0, "b": 40.0}.items()]
    choice = choose(models, read_weights(None))
    assert choice is not None
    assert (choice.model, choice.accuracy) == ("b", ())
    assert choice.unscored["accuracy"] == choice.unscored["cost"] == "no questions were answered"


def test_a_model_that_could_not_be_used_is_not_recommended(file: Path) -> None:
    broken = ModelBench("broken", file, error=ModelLoadError("it is broken", remedy="Mend it"))
    choice = choose([broken, measured(file, "whole", 1, 1, 9000, NO_ENERGY)], read_weights(None))
    assert choice is not None
    assert (choice.model, choice.reason) == ("whole", "it is the only one that was measured")
    assert choose([broken], read_weights(None)) is None


def perplexity(*nats: float, tokens: int = 800) -> Perplexity:
    return Perplexity(2.0, 1.5, 2.5, tokens, nats)


def test_perplexities_are_compared_window_by_window_within_a_vocabulary_only(file: Path) -> None:
    full, quantized, other = (measured(file, name, None, 1, 1, NO_ENERGY) for name in ("q8", "q4", "other"))
    full.perplexity, quantized.perplexity = perplexity(2.0, 3.0, 2.5), perplexity(2.1, 3.1, 2.6)
    other.perplexity = perplexity(1.0, 1.0, tokens=500)
    (contrast,) = perplexities([full, quantized, other])
    assert (contrast.model, contrast.baseline, contrast.windows) == ("q4", "q8", 3)
    assert contrast.factor == pytest.approx(1.10517, abs=1e-5)
    assert str(contrast) == "q4 has 1.1052 [unknown] times the perplexity of q8 (n = 3 windows, too few to test)"
    full.perplexity, quantized.perplexity = perplexity(*[2.0, 3.0] * 4), perplexity(*[2.1, 3.1] * 4)
    assert "1.1052 [1.1052, 1.1052] times the perplexity of q8 (n = 8 windows, p = 0.0" in str(
        *perplexities([full, quantized])
    )


def test_a_ratio_is_that_of_runs_next_to_each_other(file: Path) -> None:
    result = ModelBench("model", file)
    assert result.ratio("decode") is None
    result.ours = [Speed(100, 10), Speed(50, 5), Speed(98, 9)]
    result.theirs = [Speed(100, 10), Speed(51, 5), Speed(100, 10)]
    assert result.ratio("prefill") == pytest.approx(50 / 51)
    assert result.ratio("decode") == 1.0
    assert (result.tps("prefill", result.ours), result.tps("prefill", [])) == (98, None)


def test_a_right_answer_holds_the_reference_and_a_right_abstention_answers_nothing() -> None:
    asked, unanswerable = Question("How much?", "5,246"), Question("Who?", "")
    assert asked.score("It produced 5,246 MWh [1].", False) == 1.0
    assert asked.score("It produced 5,246 MWh [1].", True) == 0.0
    assert asked.score("It produced 5 MWh.", False) == 0.0
    assert (unanswerable.score("", True), unanswerable.score("Somebody", False)) == (1.0, 0.0)


def test_shares_and_what_is_unscored_are_told_by_kind() -> None:
    questions = [Question("a", "x"), Question("b", "x"), Question("c", "")]
    answered = Answered(questions, [1.0, None, 0.0], [1.0, None, 1.0], [Energy(2.0), NO_ENERGY, Energy(4.0)])
    assert (answered.estimate(True).mean, answered.estimate(True).n_unscored) == (1.0, 1)
    assert answered.estimate(False).mean == 0.0
    assert answered.estimate().mean == 0.5
    assert (answered.joules.mean, answered.joules.n_unscored) == (3.0, 1)


@pytest.mark.parametrize("most", [6, 20, 1000])
def test_few_questions_are_of_all_kinds(most: int) -> None:
    questions = read_questions(most)
    assert len(questions) == len({question.text for question in questions}) == min(most, len(read_questions()))
    assert 0 < sum(not question.answer for question in questions) < len(questions) / 2


def test_pieces_of_text_are_of_all_documents_and_no_longer_than_asked(sample_library: Path) -> None:
    with Ragstone.open(sample_library, create=False) as rag:
        whole = [rag.library.text(document.id) for document in rag.library.documents()]
        pieces = texts_of(rag, 20_000)
        assert sum(map(len, pieces)) == pytest.approx(20_000, rel=0.01)
        assert sum(any(piece[:200] in text for text in whole) for piece in pieces) >= 4
        everything = "".join(texts_of(rag, 10**9))
        assert sum(map(len, whole)) * 0.9 < len(everything) < sum(map(len, whole)) * 1.1
        assert whole[0][:1000] in everything


def test_a_library_without_text_has_no_perplexity(tmp_path: Path) -> None:
    with Ragstone.open(tmp_path / "library") as rag, pytest.raises(SourceError, match="no text"):
        texts_of(rag)
