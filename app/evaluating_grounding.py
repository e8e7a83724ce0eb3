"""What an evaluation of grounding runs: scorers by their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..eval.grounding import GroundingReport, evaluate, judge_answers
from ..eval.readers.grounding import GroundedSet
from ..generation.grounding import Scorer, default_scorer
from ..generation.grounding.judges import LocalJudge
from ..generation.grounding.judges_hub import open_hub_judge
from ..generation.grounding.overlap import Overlap
from ..generation.models import ModelStore
from .chat_models import chat_model, open_pool
from .evaluating import Tell
from .model_settings import as_prompts
from .settings import Settings

if TYPE_CHECKING:
    from ..generation.llama import ModelPool

SCORERS = ("default", "overlap", "judge", "judge:MODEL", "hub:MODEL")
"""What `open_scorers` knows."""


def is_scorer(name: str) -> bool:
    """Whether it is written like a scorer; whether its model is there is another question."""
    kind, colon, model = name.partition(":")
    return bool(model) if colon and kind in ("judge", "hub") else name in SCORERS


@contextmanager
def open_scorers(names: Sequence[str], settings: Settings) -> Iterator[dict[str, Scorer]]:
    """Scorers by their names; their models are freed in the end.

    Args:
        names: `default`; `overlap`; `judge` for the chat model of the settings, `judge:MODEL` for another; `hub:MODEL`
            for a classifier, by its folder or its name on the hub, from where it was pulled.
        settings: Those that the loading of models heeds.

    Raises:
        ModelError: A model is not there or cannot be used.
        OfflineError: A model's server is not on this machine, and the network is not to be used.
    """
    with ExitStack() as stack:
        pool = stack.enter_context(open_pool(settings))
        yield {name: _open(name, settings, pool, stack) for name in names}


def _open(name: str, settings: Settings, pool: ModelPool, stack: ExitStack) -> Scorer:
    kind, _, model = name.partition(":")
    if kind == "judge":
        chat = chat_model(replace(settings, model=model or settings.model), pool)
        return LocalJudge(stack.enter_context(closing(chat)), as_prompts(settings).get("judge"))
    if kind == "hub":
        return open_hub_judge(ModelStore(settings.models_dir, settings.offline).path(model), model)
    return Overlap() if kind == "overlap" else default_scorer()


def run_grounding(
    data: GroundedSet, scorers: dict[str, Scorer], seed: int = 0, tell: Tell = lambda *_: None
) -> GroundingReport:
    """Let scorers judge a set; the first one is what the others are compared with.

    Args:
        data: The answers.
        scorers: By name.
        seed: Of the intervals.
        tell: Told of the progress.
    """
    judged = {
        name: judge_answers(data.answers, scorer, partial(tell, f"{data.name}: {name}"))
        for name, scorer in scorers.items()
    }
    return evaluate(data, judged, {name: scorer.threshold for name, scorer in scorers.items()}, seed)
