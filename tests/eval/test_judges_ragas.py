"""ragas, for real: with the chat model and the embedder of this machine, and no network."""

import asyncio
import importlib.util
import json
import math
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragstone.errors import SettingsError
from ragstone.eval.judges import NO_REFERENCE, Case
from ragstone.eval.judges.ragas import RagasJudge, constrained, schema_of
from ragstone.eval.judges.verifier import faithfulness
from ragstone.generation.llama import LlamaModel
from ragstone.retrieval.embedding import Embedder

THERE = importlib.util.find_spec("ragas") is not None
needs_ragas = pytest.mark.skipif(not THERE, reason="ragas is not installed (requirements-ragas.txt)")
CASE = Case("It weighs 38 kg.", ("The new pump weighs 38 kg.",), "How heavy is the pump?")


@pytest.fixture(scope="module")
def chat(tiny_model_path: Path) -> Iterator[LlamaModel]:
    with LlamaModel(tiny_model_path, context_tokens=2048, threads=1) as model:
        yield model


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Refuses every connection, and keeps what was tried."""
    tried: list[object] = []

    def refuse(self: socket.socket, address: object) -> None:
        tried.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_: refuse(socket.socket(), given))
    return tried


@pytest.mark.skipif(THERE, reason="ragas is installed")
def test_without_ragas_the_error_says_how_to_install_it(chat: LlamaModel) -> None:
    with pytest.raises(SettingsError, match=r"ragas is not installed\. Run pip install"):
        RagasJudge(chat)


def test_the_schema_of_a_prompt_is_read_out_of_it() -> None:
    asked = 'as in the following schema as specified in JSON Schema:\n{"type": "object"}Do not use single quotes'
    assert schema_of(asked) == {"type": "object"}


def test_when_it_is_tried_again_no_list_may_be_empty(chat: LlamaModel) -> None:
    listed = {"type": "array", "items": {"type": "string", "enum": ["none"]}, "maxItems": 1}
    schema = json.dumps({"type": "object", "properties": {"statements": listed}, "required": ["statements"]})
    asked = f"Write no statement: an empty list, []. As in the following schema as specified in JSON Schema:\n{schema}"
    text, ended = constrained(chat, asked, 40, 0.0, 0, again=True)
    assert ended and json.loads(text) == {"statements": ["none"]}


@needs_ragas
def test_what_fails_is_tried_once_more_and_then_unscored_also_inside_a_running_loop(
    chat: LlamaModel, no_network: list[object]
) -> None:
    judge = RagasJudge(chat, max_tokens=1)  # nothing comes to its end

    async def inside() -> object:
        return judge.judge(CASE, ("faithfulness", "context recall"))

    for found in (judge.judge(CASE, ("faithfulness", "context recall")), asyncio.run(inside())):
        assert found.scores == {"faithfulness": None, "context recall": None}
        assert "LLMDidNotFinish" in found.reasons["faithfulness"]
        assert found.reasons["context recall"] == NO_REFERENCE
    assert not no_network


@needs_ragas
def test_a_tiny_model_answers_ragas_in_whole_json_and_nothing_is_nan(
    chat: LlamaModel, embedder: Embedder, no_network: list[object]
) -> None:
    judge = RagasJudge(chat, embedder, max_tokens=300, weights="sha")
    assert (judge.identity["weights"], judge.identity["embedder"]) == ("sha", embedder.identity.sha256)
    found = judge.judge(CASE, ("context utilization", "answer relevancy"))
    for name, score in found.scores.items():
        if score is None:
            assert found.reasons[name]
        else:
            assert math.isfinite(score)
            assert 0 <= score <= 1
    assert any(score is not None for score in found.scores.values()), found.reasons
    assert not no_network


@needs_ragas
@pytest.mark.parametrize("verdicts", [[1], [0, 1, 1], [0, 0], [1, 1, 0, 1, 0]])
def test_our_faithfulness_of_ragas_own_verdicts_is_that_of_ragas(verdicts: list[int]) -> None:
    from ragas.metrics._faithfulness import Faithfulness, NLIStatementOutput, StatementFaithfulnessAnswer

    said = [StatementFaithfulnessAnswer(statement=f"claim {n}", reason="", verdict=v) for n, v in enumerate(verdicts)]
    theirs = Faithfulness()._compute_score(NLIStatementOutput(statements=said))
    assert faithfulness([bool(verdict) for verdict in verdicts]) == theirs


@needs_ragas
def test_where_ragas_gives_nan_ours_is_unscored() -> None:
    from ragas.metrics._faithfulness import Faithfulness, NLIStatementOutput

    assert math.isnan(Faithfulness()._compute_score(NLIStatementOutput(statements=[])))
    assert faithfulness([]) is None
