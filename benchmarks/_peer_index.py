"""A peer's index of chunks and vectors that are given, for libraries too large to embed with every peer.

    PEER'S_PYTHON _peer_index.py NAME SCRIPTS CHUNKS INDEX

Runs in the peer's environment. CHUNKS is a JSON line for each chunk, [source, text]; their vectors (chunks, dimension),
float32, lie beside it as `.npy`. INDEX is what `peer_NAME.py` of the folder SCRIPTS opens to answer queries.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Texts = Sequence[tuple[str, str]]


def llama(texts: Texts, vectors: Any, index: str) -> None:
    import faiss
    from llama_index.core import StorageContext, VectorStoreIndex
    from llama_index.core.embeddings import MockEmbedding
    from llama_index.core.schema import TextNode
    from llama_index.vector_stores.faiss import FaissVectorStore

    nodes = [
        TextNode(text=text, metadata={"file_path": source}, embedding=vector.tolist())
        for (source, text), vector in zip(texts, vectors, strict=True)
    ]
    store = FaissVectorStore(faiss.IndexFlatIP(vectors.shape[1]))
    storage = StorageContext.from_defaults(vector_store=store)
    built = VectorStoreIndex(nodes, storage_context=storage, embed_model=MockEmbedding(vectors.shape[1]))
    built.storage_context.persist(index)


def langchain(texts: Texts, vectors: Any, index: str) -> None:
    from langchain_community.vectorstores import FAISS

    pairs = ((text, vector) for (_, text), vector in zip(texts, vectors, strict=True))
    FAISS.from_embeddings(pairs, None, [{"source": source} for source, _ in texts]).save_local(index)  # type: ignore[arg-type]


def haystack(texts: Texts, vectors: Any, index: str) -> None:
    from haystack import Document
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore(embedding_similarity_function="dot_product")
    store.write_documents(
        [
            Document(id=str(number), content=text, meta={"file_path": source}, embedding=vector.tolist())
            for number, ((source, text), vector) in enumerate(zip(texts, vectors, strict=True))
        ]
    )
    store.save_to_disk(index)


def txtai(texts: Texts, vectors: Any, index: str) -> None:
    import numpy as np
    from txtai import Embeddings

    embeddings = Embeddings(path=sys.modules["common"].MODEL, content=True, gpu=False)
    given = iter(vectors)
    embeddings.model.encode = lambda data, category=None: np.stack([next(given) for _ in data])
    embeddings.index((f"{source}#{n}", text, None) for n, (source, text) in enumerate(texts))
    embeddings.save(index)


PEERS: dict[str, Callable[[Texts, Any, str], None]] = {
    "llama": llama,
    "langchain": langchain,
    "haystack": haystack,
    "txtai": txtai,
}

if __name__ == "__main__":
    name, scripts, chunks, to = sys.argv[1:]
    sys.path.insert(0, scripts)
    import common  # noqa: F401  # no telemetry, no network; PEERS_MODEL
    import numpy as np

    with Path(chunks).open(encoding="utf-8") as lines:
        rows = [tuple(json.loads(line)) for line in lines]
    PEERS[name](rows, np.load(Path(chunks).with_suffix(".npy"), mmap_mode="r"), to)
