import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.cli.ask import UNSUPPORTED, _unsupported, withdrawal
from ragstone.app.engine import Ragstone
from ragstone.generation.abstention import Signals, answerable
from ragstone.generation.answer import NO_ANSWER
from ragstone.generation.citations import Sentence
from ragstone.generation.grounding import Verdict
from ragstone.generation.models import ModelStore
from ragstone.tests.conftest import Cli

QUESTION = "What torque do the M10 bolts on the rack busbars need?"


@pytest.fixture(scope="module")
def settings(sample_library: Path, tiny_model_path: Path) -> dict[str, str]:
    return {
        "RAGSTONE_LIBRARY": str(sample_library),
        "RAGSTONE_MODEL": str(tiny_model_path),
        "RAGSTONE_MAX_TOKENS": "32",
        "RAGSTONE_HITS": "2",
        "RAGSTONE_MIN_CONFIDENCE": "0",
    }


@pytest.fixture(scope="module")
def cli(model_store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Runs what several tests look at."""
    return Cli(tmp_path_factory.mktemp("ask"), model_store.folder)


@pytest.fixture(scope="module")
def answer(cli: Cli, settings: dict[str, str]) -> Any:
    done = cli("ask", QUESTION, "--json", env=settings)
    assert done.code == 0, done.stderr
    return done.json()


@pytest.fixture
def asked(sample_library: Path, tiny_model_path: Path) -> Iterator[Ragstone]:
    """The engine with the same settings."""
    flags = {"model": str(tiny_model_path), "max_tokens": 32, "hits": 2, "min_confidence": 0, "threads": 1}
    with Ragstone.open(sample_library, create=False, **flags) as rag:
        yield rag


@pytest.fixture(scope="module")
def streamed(cli: Cli, settings: dict[str, str]) -> str:
    """What people see of the same answer."""
    return cli("ask", QUESTION, env=settings).stdout


def test_a_program_gets_the_same_json(answer: Any, asked: Ragstone) -> None:
    told = json.loads(json.dumps(asked.ask(QUESTION).as_json()))
    assert told | {"timings_ms": {}} == answer | {"timings_ms": {}}


def test_what_a_program_gets_can_be_kept_in_a_set(asked: Ragstone) -> None:
    answer, search, documents = asked.ask(QUESTION), asked.trace(QUESTION), asked.documents()
    results = [answer, search, *search.hits, *search.dropped, *documents, *answer.citations, *answer.sentences]
    assert {*results} == {replace(result) for result in results}


def test_ask_json_is_one_document_with_what_was_promised(answer: Any) -> None:
    assert answer["question"] == QUESTION
    assert answer["abstained"] is False
    assert answer["model"] == "SmolLM2-135M-Instruct.Q8_0"
    assert set(answer["timings_ms"]) == {"retrieve", "first_token", "total"}
    assert set(answer["tokens"]) == {"prompt", "completion"}
    for sentence in answer["sentences"]:
        assert {"text", "citations", "support", "verdict", "evidence", "unsupported"} <= set(sentence)
        assert answer["answer"][sentence["start"] : sentence["end"]] == sentence["text"]
        assert sentence["verdict"] in ("supported", "unsupported", "unscored")
        assert (sentence["support"] is None) == (sentence["verdict"] == "unscored")
    promised = {"n", "document", "page", "chunk_id", "char_start", "char_end", "quote", "rects"}
    assert all(promised <= set(citation) for citation in answer["citations"])
    assert answer["hits"][0]["rank"] == 1


def test_ask_shows_the_answer_once_and_its_sources(
    answer: Any, streamed: str, cli: Cli, settings: dict[str, str]
) -> None:
    whole = cli("ask", QUESTION, "--no-stream", env=settings)
    assert streamed == whole.stdout
    shown = streamed.replace(UNSUPPORTED, "")
    assert shown.startswith(answer["answer"])
    assert shown.count(answer["answer"] + "\n") == 1
    for citation in answer["citations"]:
        assert f"[{citation['n']}] {citation['document']}" in streamed


def test_an_unsupported_sentence_is_marked_and_named(answer: Any, streamed: str) -> None:
    unsupported = [sentence for sentence in answer["sentences"] if sentence["verdict"] == "unsupported"]
    assert streamed.count(UNSUPPORTED) == streamed.count("\n[?] Not supported by the passages: ") == len(unsupported)


def test_a_strict_answer_leaves_out_what_is_unsupported(ragstone_cli: Any, settings: dict[str, str]) -> None:
    done = ragstone_cli("ask", QUESTION, "--strict", "--json", env=settings)
    answer = done.json()
    assert done.code == 0
    assert all(sentence["verdict"] != "unsupported" for sentence in answer["sentences"])
    assert all(sentence["verdict"] == "unsupported" for sentence in answer["removed"])
    by_setting = ragstone_cli("ask", QUESTION, "--json", env=settings | {"RAGSTONE_STRICT": "1"}).json()
    assert by_setting["answer"] == answer["answer"]


def test_explain_shows_why(ragstone_cli: Any, settings: dict[str, str]) -> None:
    shown = ragstone_cli("ask", QUESTION, "--explain", env=settings).stdout
    assert f"Searched for: {QUESTION}" in shown
    assert "cosine" in shown
    assert re.search(r"; \d+ tokens read, \d+ written; \d\.\d\d s to search, .* to the first word, .* in all", shown)
    assert "{" not in shown


def test_an_abstention_says_so_and_names_the_nearest_documents(ragstone_cli: Any, settings: dict[str, str]) -> None:
    done = ragstone_cli(
        "ask", "Who won the football world cup in 1998?", env=settings | {"RAGSTONE_MIN_CONFIDENCE": "1"}
    )
    assert done.code == 0
    assert done.stdout.startswith(NO_ANSWER)
    assert "The nearest passages are in:" in done.stdout


def test_a_withdrawn_answer_says_why(ragstone_cli: Any, settings: dict[str, str], answer: Any, streamed: str) -> None:
    before = answerable(replace(Signals(**answer["signals"]), support=1.0))
    assert answer["confidence"] < before
    least = (answer["confidence"] + before) / 2
    shown = ragstone_cli("ask", QUESTION, env=settings | {"RAGSTONE_MIN_CONFIDENCE": str(least)}).stdout
    written = streamed[: streamed.index("\n")]
    assert shown.startswith(f"{written}\nWithdrawn: ")
    verdicts = {sentence["verdict"] for sentence in answer["sentences"]}
    unsupported = "unsupported" in verdicts
    assert ("the passages do not support" in shown) == unsupported
    assert (f"{answer['confidence']:.2f}, below min_confidence" in shown) == (not unsupported)


@pytest.mark.parametrize(
    ("verdicts", "confidence", "why"),
    [
        (["unsupported"], 0.4, "the passages do not support this answer"),
        (["supported", "unsupported"], 0.4, "the passages do not support all of this answer"),
        (["supported"], 0.4, "the confidence that the passages hold the answer is 0.40, below min_confidence 0.5"),
        (
            ["unscored"],
            0.4,
            "this answer could not be checked (it is code), and the confidence that the passages hold the answer is "
            "0.40, below min_confidence 0.5",
        ),
        (["unscored"], 0.6, "the model gives no answer"),
    ],
)
def test_the_cause_of_a_withdrawal_is_told(verdicts: list[Verdict], confidence: float, why: str) -> None:
    unread = {"unscored": "it is code"}
    sentences = [Sentence("The pump is new.", (), None, verdict, why=unread.get(verdict, "")) for verdict in verdicts]
    assert withdrawal(sentences, confidence, 0.5) == why


def test_what_the_passages_say_of_something_else_is_told_from_what_they_do_not_say() -> None:
    sentence = Sentence("Eleanor Finch signed in 2031.", (), 0.05, "unsupported", unsupported=((0, 13), (24, 28)))
    assert _unsupported(sentence).endswith('(no passage says "Eleanor Finch", "2031")')
    both = _unsupported(replace(sentence, elsewhere=((0, 13),)))
    assert both.endswith('(no passage says "2031"; the passages say "Eleanor Finch" of something else, or otherwise)')
    only = _unsupported(replace(sentence, unsupported=((0, 13),), elsewhere=((0, 13),)))
    assert only.endswith('2031. (the passages say "Eleanor Finch" of something else, or otherwise)')


def test_chat_answers_question_after_question(
    ragstone_cli: Any, settings: dict[str, str], streamed: str, tmp_path: Path
) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "ragstone", "chat"],
        input=f"{QUESTION}\nand in 2020?\n\n",
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={
            "PATH": "",
            "HOME": str(tmp_path),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "RAGSTONE_MODELS_DIR": str(ragstone_cli.models_dir),
            "RAGSTONE_THREADS": "1",
        }
        | settings,
        check=True,
    )
    assert process.stdout.startswith(streamed)
    assert len(process.stdout) > len(streamed)


def test_an_empty_question_is_bad_usage(ragstone_cli: Any, settings: dict[str, str]) -> None:
    done = ragstone_cli("ask", " ", env=settings)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.endswith("Error: Invalid value for QUESTION: It is empty. Write a question.\n")


def test_an_unknown_model_is_one_line_with_the_nearest_name(ragstone_cli: Any, settings: dict[str, str]) -> None:
    done = ragstone_cli("ask", QUESTION, "--model", "smollm2-153m", env=settings)
    assert done.code == 1
    assert "smollm2-135m" in done.error


def test_a_model_that_is_not_here_names_the_command_that_brings_it(
    ragstone_cli: Any, settings: dict[str, str], tmp_path: Path
) -> None:
    elsewhere = {"RAGSTONE_MODELS_DIR": str(tmp_path / "none"), "RAGSTONE_MODEL": "smollm2-135m"}
    done = ragstone_cli("ask", QUESTION, env=settings | elsewhere)
    assert done.code == 1
    assert "ragstone models pull smollm2-135m" in done.error


def test_asking_without_a_library_names_the_remedy(ragstone_cli: Any, tmp_path: Path) -> None:
    done = ragstone_cli("ask", QUESTION, env={"RAGSTONE_LIBRARY": str(tmp_path / "none")})
    assert done.code == 1
    assert "there is no library here yet" in done.error
    assert not (tmp_path / "none").exists()
