"""Ragstone answers questions over your own documents and measures how far each answer can be trusted."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Answer", "Ragstone", "RagstoneError", "__version__", "verify"]

if TYPE_CHECKING:
    from ragstone.app.engine import Answer, Ragstone
    from ragstone.errors import RagstoneError
    from ragstone.generation.grounding import verify
else:
    _HOMES = {"Answer": ".app.engine", "Ragstone": ".app.engine", "RagstoneError": ".errors"}
    _HOMES |= {"verify": ".generation.grounding"}

    def __getattr__(name: str) -> object:
        """Import a public name at its first use: most processes, such as those that parse, never need the engine."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(f"ragstone{_HOMES[name]}"), name)
        return found
