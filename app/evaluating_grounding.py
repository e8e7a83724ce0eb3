"""What an evaluation of grounding runs: scorers by their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from ..eval.grounding import GroundingReport, evaluate, judge_answers
from ..eval.readers.grounding import GroundedSet
from ..generation.grounding import Scorer, default_scorer
from ..generation.grounding.overlap import Overlap
from .evaluating import Tell
from .settings import Settings

SCORERS = ("default", "overlap")
"""Those that need no name of a model."""


@contextmanager
def open_scorers(names: Sequence[str], settings: Settings) -> Iterator[dict[str, Scorer]]:
    """Scorers by the names that `--scorer` takes; their models are freed in the end.

    Args:
        names: `default`, `overlap`.
        settings: Those that the loading of models heeds.

    Raises:
        ModelError: A model is not there or cannot be used.
    """
    with ExitStack() as stack:
        yield {name: _open(name, settings, stack) for name in names}


def _open(name: str, settings: Settings, stack: ExitStack) -> Scorer:
    return Overlap() if name == "overlap" else default_scorer()


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
