"""Ragstone answers questions over your own documents and measures how far each answer can be trusted."""

from ragstone.app.engine import Answer, Ragstone
from ragstone.errors import RagstoneError
from ragstone.generation.grounding import verify

__version__ = "0.1.0"
__all__ = ["Answer", "Ragstone", "RagstoneError", "__version__", "verify"]
