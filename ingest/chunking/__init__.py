"""Cut a document into chunks along its structure, counted in the embedding model's own tokens.

Every chunk is a slice of the document's text; together, without the overlaps, they hold all of it but white space. A
row of a table and a line of code are never cut unless they do not fit into a chunk.

A chunk's neighbours are those with the ordinals before and after it. The section that a chunk belongs to is the run of
neighbours with its heading path.
"""

from __future__ import annotations

from ...retrieval.records import TextChunk
from ..parsed import ParsedDocument
from .cutting import cut
from .layout import Layout
from .methods import CHUNKERS, Job
from .pieces import Budget, to_chunks
from .plan import METHODS, ChunkPlan, Embed, Method, Tokenize
from .prefix import Prefix, embedded_texts

__all__ = ["CHUNKERS", "METHODS", "ChunkPlan", "Embed", "Method", "Tokenize", "chunk_document", "embedded_texts"]


def chunk_document(
    document: ParsedDocument, tokenize: Tokenize, plan: ChunkPlan, embed: Embed | None = None, title: str = ""
) -> list[TextChunk]:
    """Cut a document into chunks.

    Args:
        document: The document.
        tokenize: An embedder's `token_offsets`.
        plan: The method, and how large chunks are.
        embed: An embedder's `embed_passages`; only the method `semantic` needs it.
        title: What `embedded_texts` is going to put before the text; only a plan with a prefix needs it.
    """
    layout = Layout(document, tokenize)
    budget = Budget(layout, plan, Prefix(title, tokenize, plan))
    overlap = min(plan.overlap, plan.tokens // 4)  # else chunks as short as a small model's window hardly get on
    rule = CHUNKERS[plan.method](Job(layout, budget, overlap, tokenize, embed))
    return to_chunks(layout, cut(layout, rule, budget), budget, tokenize)
