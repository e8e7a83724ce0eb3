"""Judges by their names, with real weights."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ragstone.app.identity import code_sha256
from ragstone.app.judging import open_judges
from ragstone.app.settings import Settings
from ragstone.errors import SettingsError
from ragstone.eval.judges import Case
from ragstone.generation.models import ModelStore


def test_a_chat_model_judges_by_its_odds_or_by_votes(model_store: ModelStore) -> None:
    model_store.pull("smollm2-135m")
    settings = Settings(models_dir=model_store.folder, model="smollm2-135m", threads=1, context_tokens=1024)
    with open_judges(["local", "local:smollm2-135m@2", "verifier"], settings) as (by_odds, by_votes, verifier):
        # or kept judgements would be those of older code
        assert by_odds.identity["code"] == by_votes.identity["code"] == verifier.identity["code"] == code_sha256()
        assert by_votes.name == f"{by_odds.name}x2"
        judged = by_votes.judge(Case("38 kg.", ("The pump weighs 38 kg.",), "Weight?"), ("answer relevance",))
    score = judged.scores["answer relevance"]
    assert score is not None
    assert score * 4 == pytest.approx(round(score * 4))  # two votes in each of two orders


def test_ragas_embeds_by_the_runtime_of_the_settings(
    second_model: Path, tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(_: object, embedder: object, *, code: str, **__: object) -> object:
        return SimpleNamespace(embedder=embedder, code=code)

    monkeypatch.setattr("ragstone.eval.judges.ragas.RagasJudge", judge)  # ragas itself may not be installed
    settings = Settings(
        models_dir=second_model.parent,
        model=str(tiny_model_path),
        embedding_model=str(second_model),
        embedding_runtime="torch",
        threads=1,
    )
    with open_judges(["ragas"], settings) as (made,):
        assert cast(Any, made).embedder.identity.runtime.startswith("torch")
        assert cast(Any, made).code == code_sha256()


@pytest.mark.parametrize("name", ["verifier@3", "local@0", "local@some", "gpt", "ragas@2"])
def test_a_judge_that_does_not_exist_is_refused_with_those_that_do(name: str) -> None:
    with (
        pytest.raises(SettingsError, match=r"there is no judge .*local:MODEL@VOTES"),
        open_judges([name], Settings()),
    ):
        pass
