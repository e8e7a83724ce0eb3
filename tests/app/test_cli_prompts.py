"""`ragstone prompts`, and prompts of the user's own, as real processes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
JUDGING = {f"judge_{asked}" for asked in ("claim", "correct", "pair", "passage", "relevance")}
MAKING = {"question_for", "question_missing", "name_figure", "describe", "recall"}


def test_prompts_are_listed_with_version_hash_and_file(ragstone_cli: Cli) -> None:
    rows = ragstone_cli("prompts", "list", "--json").json()["prompts"]
    names = {"answer", "holds", "condense", "chain_of_thought", "summarize", "judge"} | JUDGING | MAKING
    assert {row["name"] for row in rows} == names
    for row in rows:
        assert row["version"]
        assert len(row["sha256"]) == 64
        assert Path(row["path"]).name == f"{row['name']}.jinja"
    lines = ragstone_cli("prompts", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [row["name"] for row in rows]


def test_what_is_shown_can_be_changed_in_a_folder_of_ones_own(ragstone_cli: Cli, tmp_path: Path) -> None:
    ours, mine = ragstone_cli("prompts", "show", "answer").stdout, tmp_path / "mine"
    mine.mkdir()
    (mine / "answer.jinja").write_text(ours.replace("version: 1", "version: formal"), "utf-8")
    env = {"RAGSTONE_PROMPTS_DIR": str(mine)}
    listed = {row["name"]: row for row in ragstone_cli("prompts", "list", "--json", env=env).json()["prompts"]}
    assert (listed["answer"]["version"], listed["holds"]["version"]) == ("formal", "1")
    assert "version: formal" in ragstone_cli("prompts", "show", "answer", env=env).stdout
    assert ragstone_cli("prompts", "show", "answer", "--builtin", env=env).stdout == ours


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{# version: 1 #}\n{% block user %}\n{{ question }}\n{% endblock %}\n", "the prompt leaves out `passages`"),
        ("{# version: 1 #}\n{% block user %}\n{{ question \n{% endblock %}\n", "answer.jinja: line 4:"),
    ],
)
def test_a_prompt_that_cannot_be_used_is_bad_usage(
    ragstone_cli: Cli, sample_library: Path, tmp_path: Path, text: str, error: str
) -> None:
    (tmp_path / "answer.jinja").write_text(text, "utf-8")
    env = {"RAGSTONE_PROMPTS_DIR": str(tmp_path)}
    done = ragstone_cli("ask", "Why?", "--library", sample_library, env=env)
    assert done.code == 2
    assert error in done.error


def test_an_answer_tells_what_the_model_was_asked_with(
    ragstone_cli: Cli, sample_library: Path, tiny_model_path: Path, tmp_path: Path
) -> None:
    examples = tmp_path / "examples.json"
    examples.write_text('[{"question": "Who?", "passages": ["Ann did."], "answer": "Ann [1]."}]', "utf-8")
    env = {"RAGSTONE_FEW_SHOT": str(examples), "RAGSTONE_MAX_TOKENS": "8", "RAGSTONE_PROMPT_STYLE": "chain_of_thought"}
    arguments = ("Why?", "--library", sample_library, "--model", tiny_model_path, "--json")
    prompts = ragstone_cli("ask", *arguments, env=env).json()["prompts"]
    assert [prompt["name"] for prompt in prompts] == ["chain_of_thought", "holds", "few_shot"]
    assert all(len(prompt["sha256"]) == 64 for prompt in prompts)
