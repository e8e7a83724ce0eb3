"""What answers a question as the settings say."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from ..generation.answer import Answerer, Event
from ..generation.context import Asking
from ..generation.grounding import Scorer
from ..generation.trimming import Economy
from ..retrieval.library import Library
from ..retrieval.retriever import Retriever
from .chat_models import held
from .model_settings import as_sampling
from .settings import Settings

if TYPE_CHECKING:
    from ..generation.chat_model import ChatModel


def answerer(
    settings: Settings,
    asking: Asking,
    strict: bool | None,
    library: Library,
    retriever: Retriever,
    model: ChatModel,
    load_scorer: Callable[[], Scorer],
) -> Answerer:
    """An `Answerer` with these parts; `strict` where it is given, else as the settings say."""
    s = settings
    return Answerer(
        library,
        retriever,
        model,
        as_sampling(s),
        s.hits,
        s.search_mode,  # type: ignore[arg-type]  # these are checked by Settings
        s.widen,  # type: ignore[arg-type]
        s.min_confidence,
        asking,
        Economy(s.context_share, s.context_trim, guarded=s.instructions == "cut"),
        load_scorer,
        s.strict if strict is None else strict,
    )


def holding(model: ChatModel, events: Generator[Event, None, None]) -> Generator[Event, None, None]:
    """The events of an answer; the model stays loaded until it is there."""
    with held(model):
        yield from events
