from dataclasses import replace
from pathlib import Path

import pytest

from ragstone.app import identity
from ragstone.app.engine import Ragstone
from ragstone.app.evaluated import callable_subject, engine_subject
from ragstone.app.evaluating_suites import present
from ragstone.app.identity import engine_identity, library_identity
from ragstone.app.settings import Settings
from ragstone.errors import EvaluationError, ModelNotFoundError, SettingsError
from ragstone.eval.readers.corpus import CorpusDocument
from ragstone.eval.subjects import Answered
from ragstone.eval.tasks.perplexity import PerplexityTask, Texts
from ragstone.generation.models import ModelStore
from ragstone.generation.prompts import Prompts
from ragstone.retrieval.library import Library

PASSAGES = (
    CorpusDocument("pump", "The pump", "The pump was replaced in 2019 by Dr. Holm. It weighs 38 kg."),
    CorpusDocument("roof", "The roof", "The roof was painted green in 2021."),
)


@pytest.fixture
def settings(model_store: ModelStore, tiny_model_path: Path) -> Settings:
    """The tiny model, which always answers."""
    options = {"min_confidence": 0.0, "max_tokens": 24, "context_tokens": 2048, "threads": 1, "parallel": 1}
    return Settings(models_dir=model_store.folder, model="smollm2-135m", **options)


def test_the_engine_answers_from_given_passages_in_their_order(settings: Settings, tmp_path: Path):
    subject = engine_subject(settings, tmp_path)
    assert subject.answers is not None
    with subject.answers.over("none", ()) as answer:
        found = answer("When was the pump replaced?", PASSAGES)
        again = answer("When was the pump replaced?", PASSAGES)
    assert [name for name, _ in found.passages] == ["pump", "roof"] == list(found.ranked)
    assert found.passages[1][1] == "The roof was painted green in 2021."
    assert not found.abstained and found.text and found.draft.startswith(found.text[:5])
    assert found.sentences and all(1 <= n <= 2 for one in found.sentences for n in one.citations)
    assert found.confidence is not None and 0 <= found.confidence <= 1
    assert found.tokens["completion"] > 0 and found.timings_ms["total"] >= found.timings_ms["first_token"] > 0
    assert again.text == found.text
    assert Answered.from_json(found.as_json()) == found


def test_the_engine_searches_a_corpus_that_it_ingests_once(settings: Settings, tmp_path: Path):
    subject = engine_subject(settings, tmp_path)
    assert subject.answers is not None and subject.rankings is not None
    with subject.answers.over("house", PASSAGES) as answer:
        found = answer("What colour has the roof?", ())
    assert found.ranked[0] == "roof" and found.passages[0][0] == "roof"
    (library,) = tmp_path.iterdir()
    built = (library / "library.sqlite3").stat().st_mtime_ns
    with subject.rankings.over("house", PASSAGES) as rank, subject.rankings.chunks_over("house", PASSAGES) as find:
        assert next(iter(rank("who replaced the pump"))) == "pump"
        assert find("who replaced the pump", 1)[0][0] == "pump"
    assert [one.stat().st_mtime_ns for one in tmp_path.glob("*/library.sqlite3")] == [built]


def test_the_engine_tells_how_likely_texts_are(settings: Settings, shallow_model_path: Path, tmp_path: Path):
    text = "The quick brown fox jumps over the lazy dog. " * 80
    texts = Texts.of("foxes", [CorpusDocument("fox", "", text), CorpusDocument("god", "", text[::-1])])
    task, subject = PerplexityTask(), engine_subject(replace(settings, model=str(shallow_model_path)), tmp_path)
    sample = texts.sample(2)
    assert [piece.source for piece in sample.pieces] == ["fox", "god"]
    with task.open(sample, subject) as ask:
        plain, backwards = (task.values(*pair) for pair in zip(sample.pieces, ask(sample.pieces), strict=True))
    assert plain["bytes"] == 1500 == backwards["bytes"]
    assert 0 > plain["log-likelihood"] > backwards["log-likelihood"]  # what was read before is known by heart
    server = engine_subject(Settings(server="http://localhost:9/v1", model="far"), tmp_path)
    with pytest.raises(EvaluationError, match="does not tell how likely"), task.open(sample, server):
        pass


def test_another_model_prompt_or_setting_is_another_identity(settings: Settings, model_store: ModelStore):
    first = engine_identity(settings)
    assert first == engine_identity(settings)
    assert len(first["model"]["sha256"]) == 64 == len(first["code"])
    changed = Settings(models_dir=model_store.folder, model="smollm2-135m", hits=2)
    assert engine_identity(changed) != first
    indifferent = Settings(models_dir=model_store.folder, model="smollm2-135m", threads=2)
    assert (
        engine_identity(indifferent)["settings"]
        == engine_identity(Settings(models_dir=model_store.folder, model="smollm2-135m"))["settings"]
    )


def test_what_a_function_is_given_by_our_search_is_in_its_identity_but_not_our_chat_model(
    settings: Settings, tmp_path: Path
):
    (tmp_path / "mine.py").write_text("def answer(question, passages):\n    return None\n")

    def identity_of(**changed: object) -> object:
        with_these = settings.with_values(changed)
        return callable_subject(f"{tmp_path / 'mine.py'}:answer", with_these, tmp_path).identity

    first = identity_of()
    assert identity_of() == first == identity_of(model="none", temperature=1.0, threads=2)
    for changed in (
        {"hits": 2},
        {"search_mode": "dense"},
        {"chunk_tokens": 100},
        {"embedding_model": "all-mpnet-base-v2"},
    ):
        assert identity_of(**changed) != first
    assert first["code"] == engine_identity(settings)["code"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import math\ndef answer(:\n", r"SyntaxError: .*mine\.py, line 2"),
        ("import math\nanswer = none\n", r"NameError at line 2: name 'none' is not defined"),
        ("answer = len\n", r"TypeError: .*built-in"),
        ("answer = 5\n", r"is no function"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_told_with_the_error_in_it(
    settings: Settings, tmp_path: Path, code: str, complaint: str
):
    (tmp_path / "mine.py").write_text(code)
    with pytest.raises(EvaluationError, match=complaint):
        callable_subject(f"{tmp_path / 'mine.py'}:answer", settings, tmp_path)


def test_the_code_that_makes_answers_of_settings_is_in_the_identity():
    app = identity._ROOT / "app"
    makes = {"answering", "engine", "evaluated", "evaluating", "model_settings", "chat_models", "encoders", "ingesting"}
    assert {path.stem for path in identity._files() if path.parent == app} == makes


def test_the_code_that_judges_answers_and_fills_libraries_is_in_the_identity():
    evaluates = {
        path.relative_to(identity._ROOT / "eval").as_posix() for path in identity._files() if "eval" in path.parts
    }
    assert {"filling.py", "grounding.py", "judging.py", "judges/local.py", "judges/ragas.py"} <= evaluates
    assert "stats.py" not in evaluates


@pytest.mark.parametrize("setting", ["prompts_dir", "few_shot", "adapters", "embedding_model", "reranker"])
def test_what_a_file_of_the_settings_holds_is_in_the_identity_wherever_it_lies(
    settings: Settings, tmp_path: Path, setting: str
):
    ours = Prompts().get("answer").source
    example = '{"question": "Why?", "passages": ["For %s."], "answer": "For %s."}'
    file, before, after, named = {
        "prompts_dir": ("answer.jinja", ours, ours.replace("Answer the", "In one word, answer the"), ""),
        "few_shot": ("few.jsonl", example % ("love", "love"), example % ("money", "money"), "few.jsonl"),
        "adapters": ("lora.gguf", "old", "new", "lora.gguf=0.5"),
        "embedding_model": ("model.safetensors", "old", "new", ""),
        "reranker": ("model.safetensors", "old", "new", ""),
    }[setting]
    folder = tmp_path / "mine"
    folder.mkdir()
    if file == "model.safetensors":
        (folder / "config.json").write_text("{}")
    changed = replace(settings, **{setting: str(folder / named)})
    with pytest.raises((ModelNotFoundError, SettingsError)):
        engine_identity(replace(settings, **{setting: str(tmp_path / "none" / "such")}))
    (folder / file).write_text(before)
    first = engine_identity(changed)
    assert engine_identity(changed) == first
    (folder / file).write_text(after)
    assert after != before
    assert engine_identity(changed) != first
    (folder / file).write_text(before)
    assert engine_identity(changed) == first


def test_a_library_is_known_by_what_it_holds(sample_library: Path):
    with Library(sample_library, create=False) as library:
        found = library_identity(library)
    assert (found["documents"], found["embedder"]) == (19, "all-minilm-l6-v2")
    assert found["chunks"] > 100 and len(found["fingerprint"]) == 64


@pytest.mark.parametrize("setting", [{"chunk_prefix": False}, {"chunk_tokens": 190}])
def test_a_library_that_is_cut_or_embedded_otherwise_is_another_although_it_has_as_many_chunks(
    settings: Settings, tmp_path: Path, setting: dict[str, object]
):
    words = " ".join(f"The pump of house {n} was replaced." for n in range(100))
    (tmp_path / "pump.md").write_text(f"# The pump\n\n{words}\n")

    def made(name: str, **changed: object) -> dict[str, object]:
        with Ragstone.open(tmp_path / name, settings=settings.with_values(changed)) as rag:
            rag.ingest(tmp_path / "pump.md")
            return library_identity(rag.library)

    first, again, other = made("first"), made("again"), made("other", **setting)
    assert first == again
    assert first["chunks"] == other["chunks"] and first["fingerprint"] != other["fingerprint"]


def test_a_suite_is_run_without_the_sets_that_are_not_there_unless_they_are_named(tmp_path: Path):
    (tmp_path / "bias" / "winogender").mkdir(parents=True)
    names, absent = present(["all"], tmp_path)
    assert names == ["exposure", "winogender"] and "bbq" in absent and "retrieval/scifact" in absent
    assert present(["bbq", "grounding/wice"], tmp_path) == (["bbq", "grounding/wice"], [])
