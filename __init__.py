"""Ragstone answers questions over your own documents and measures how far each answer can be trusted."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "Citation",
    "Document",
    "Event",
    "Filter",
    "Hit",
    "IngestReport",
    "Mode",
    "Ragstone",
    "RagstoneError",
    "Sentence",
    "Settings",
    "Turn",
    "__version__",
    "verify",
]

if TYPE_CHECKING:
    from ragstone.app.engine import Ragstone
    from ragstone.app.settings import Settings
    from ragstone.errors import RagstoneError
    from ragstone.generation.answer import Answer, Event
    from ragstone.generation.citations import Citation, Sentence
    from ragstone.generation.conversation import Turn
    from ragstone.generation.grounding import verify
    from ragstone.ingest.report import IngestReport
    from ragstone.retrieval.filters import Filter
    from ragstone.retrieval.records import Document, Hit
    from ragstone.retrieval.retriever import Mode
else:
    _HOMES = {"Ragstone": ".app.engine", "Settings": ".app.settings", "RagstoneError": ".errors"}
    _HOMES |= dict.fromkeys(("Answer", "Event"), ".generation.answer")
    _HOMES |= dict.fromkeys(("Citation", "Sentence"), ".generation.citations")
    _HOMES |= {"Turn": ".generation.conversation", "verify": ".generation.grounding"}
    _HOMES |= {"IngestReport": ".ingest.report", "Filter": ".retrieval.filters", "Mode": ".retrieval.retriever"}
    _HOMES |= dict.fromkeys(("Document", "Hit"), ".retrieval.records")

    def __getattr__(name: str) -> object:
        """Import a public name at its first use: most processes, such as those that parse, never need the engine."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(f"ragstone{_HOMES[name]}"), name)
        return found
