"""Judges by their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import SettingsError
from ..eval.cache import content_key
from ..eval.judges import Judge
from ..eval.judges.verifier import VerifierJudge
from ..generation.grounding import default_scorer
from .chat_models import chat_model, held, open_pool
from .encoders import open_embedder
from .identity import code_sha256, model_identity
from .model_settings import as_prompts
from .settings import Settings

if TYPE_CHECKING:
    from ..generation.llama import ModelPool

JUDGES = ("verifier", "local", "local:MODEL", "local:MODEL@VOTES", "ragas", "ragas:MODEL")
"""What `open_judges` knows."""


@contextmanager
def open_judges(names: Sequence[str], settings: Settings, pool: ModelPool | None = None) -> Iterator[list[Judge]]:
    """Judges by their names.

    Args:
        names: `verifier`, what chats use; `local` for the chat model of the settings, `local:MODEL` for another,
            with `@5` behind it by five votes in each order instead of the odds; `ragas` and `ragas:MODEL` for its
            metrics with that model.
        settings: Those that the loading of models heeds.
        pool: Holds their chat models; by default one of their own, which is closed in the end.

    Raises:
        ModelError: A model is not there or cannot be used.
        SettingsError: There is no such judge, or ragas is not installed.
    """
    with ExitStack() as stack:
        if pool is None:
            pool = stack.enter_context(open_pool(settings))
        yield [_open(name, settings, pool, stack) for name in names]


def _open(name: str, settings: Settings, pool: ModelPool, stack: ExitStack) -> Judge:
    spec, votes = _with_votes(name)
    kind, _, model = spec.partition(":")
    if name == "verifier":
        return VerifierJudge(default_scorer(), "verifier", {"code": code_sha256()})
    if kind not in ("local", "ragas") or (votes and kind != "local"):
        raise SettingsError(f"there is no judge {name!r}", remedy=f"There are {', '.join(JUDGES)}")
    settings = replace(settings, model=model or settings.model)
    chat = stack.enter_context(closing(chat_model(settings, pool)))
    with held(chat):  # what is wrong with it is told before anything is evaluated
        pass
    weights = content_key(model_identity(settings))
    if kind == "ragas":
        from ..eval.judges.ragas import RagasJudge

        return RagasJudge(chat, open_embedder(settings, ingesting=False), weights=weights, code=code_sha256())
    from ..eval.judges.local import ChatJudge

    return ChatJudge(chat, as_prompts(settings), votes=votes, weights=weights, code=code_sha256())


def _with_votes(name: str) -> tuple[str, int]:
    """A judge's name without its number of votes, and these; 0 for none."""
    spec, at, votes = name.rpartition("@")
    return (spec, int(votes)) if at and votes.isdecimal() and int(votes) else (name, 0)
