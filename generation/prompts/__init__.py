"""The prompts: one Jinja file each, of which a user's folder can replace any."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...errors import SettingsError
from ._examples import Example, Examples, read_examples
from ._identity import PromptIdentity
from .quoting import ShownPassage, shown

if TYPE_CHECKING:
    from .template import Prompt

__all__ = ["NAMES", "Example", "Examples", "PromptIdentity", "Prompts", "ShownPassage", "Style", "shown"]

Style = Literal["answer", "chain_of_thought"]
"""The prompts that ask for an answer."""

SUFFIX = ".jinja"

_PASSAGES = [shown(n, f"label-{n}", f"text-{n}") for n in (1, 2)]
_GIVEN: dict[str, dict[str, Any]] = {
    "answer": {"passages": _PASSAGES, "question": "the-question"},
    "chain_of_thought": {"passages": _PASSAGES, "question": "the-question"},
    "condense": {
        "history": [{"question": "question-1", "answer": "answer-1"}, {"question": "question-2", "answer": "answer-2"}],
        "question": "the-question",
    },
    "describe": {"passages": _PASSAGES[:1], "line": "the-line", "name": "the-name"},
    "holds": {"asked": "what-was-asked"},
    "judge": {"passages": _PASSAGES, "claim": "the-claim"},
    "judge_claim": {"passages": _PASSAGES, "claim": "the-claim", "choices": "no-or-yes"},
    "judge_correct": {
        "question": "the-question",
        "reference": "the-reference",
        "answer": "the-answer",
        "choices": "no-or-yes",
    },
    "judge_pair": {
        "question": "the-question",
        "reference": "the-reference",
        "first": "answer-1",
        "second": "answer-2",
    },
    "judge_passage": {
        "passages": _PASSAGES[:1],
        "question": "the-question",
        "expected": "what-is-right",
        "choices": "no-or-yes",
    },
    "judge_relevance": {"question": "the-question", "answer": "the-answer", "choices": "no-or-yes"},
    "name_figure": {"passages": _PASSAGES[:1], "line": "the-line", "figure": "the-figure"},
    "question_for": {"passages": _PASSAGES[:1], "line": "the-line", "answer": "the-answer", "naming": "the-name"},
    "question_missing": {"passages": _PASSAGES[:1], "asked": "what-is-asked"},
    "recall": {"question": "the-question"},
    "summarize": {"passages": _PASSAGES},
}
"""What each prompt is given, to try it with: all of these texts have to appear in what it becomes, but the labels."""
NAMES = tuple(_GIVEN)


class Prompts:
    """The prompts in use.

    Args:
        folder: Where the user's own are: a file there replaces ours of the same name. None for ours alone.

    Raises:
        SettingsError: There is no such folder, or it holds a prompt of a name that nothing asks for.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._loaded: dict[str, Prompt] = {}
        if folder is None:
            return
        if not folder.is_dir():
            raise SettingsError(
                "prompts_dir is no folder",
                path=folder,
                remedy="Make it, or leave prompts_dir empty for our own prompts",
            )
        for file in sorted(folder.glob(f"*{SUFFIX}")):
            if file.stem not in NAMES:
                raise SettingsError(f"there is no prompt {file.stem!r}", path=file, remedy=_meant(file.stem))

    def get(self, name: str) -> Prompt:
        """The prompt of a name.

        Raises:
            SettingsError: There is no prompt of this name, its file cannot be used, or it leaves out what it is given.
        """
        from .template import parse  # Jinja is imported when a prompt is read

        if name not in NAMES:
            raise SettingsError(f"there is no prompt {name!r}", remedy=_meant(name))
        own = None if self._folder is None else self._folder / f"{name}{SUFFIX}"
        file = own if own is not None and own.is_file() else files(__name__).joinpath(f"{name}{SUFFIX}")
        if str(file) not in self._loaded:
            try:
                content = file.read_bytes()
            except OSError as error:
                raise SettingsError(f"cannot be read ({error})", path=str(file), remedy="Make it readable") from error
            self._loaded[str(file)] = _checked(parse(name, content, str(file)))
        return self._loaded[str(file)]

    def examples(self, file: Path | None) -> Examples:
        """The examples of a user's file (see `Examples`); none without a file.

        Raises:
            SettingsError: The file cannot be used.
        """
        return Examples() if file is None else read_examples(file)


def _checked(prompt: Prompt) -> Prompt:
    """Try a prompt, so that one that leaves out the passages or the question is refused before it is used."""
    given = _GIVEN[prompt.identity.name]
    text = "\n".join(message["content"] for message in prompt.render(given))
    for name, value in given.items():
        if not all(part in text for part in _texts(value)):
            raise SettingsError(
                f"the prompt leaves out `{name}`", path=prompt.path, remedy=f"Let it show all of `{name}`"
            )
    return prompt


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [] if value.startswith("label-") else [value]
    if isinstance(value, Mapping):
        return [text for part in value.values() for text in _texts(part)]
    return [text for part in value for text in _texts(part)] if isinstance(value, list) else []


def _meant(name: str) -> str:
    near = difflib.get_close_matches(name, NAMES, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"The prompts are {', '.join(NAMES)}"
