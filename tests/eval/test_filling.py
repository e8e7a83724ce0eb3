from pathlib import Path

from ragstone.eval.filling import BATCH, fill
from ragstone.eval.readers.corpus import CorpusDocument
from ragstone.ingest.chunking import ChunkPlan
from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.library import Library
from ragstone.retrieval.retriever import MODES, Retriever

TIDE = CorpusDocument(
    "Tide 1/x", "Tide gauge", "It reads the level of the sea.\n\n" + "The harbour log notes it. " * 90
)
TABLE = CorpusDocument("t", "", "| gauge | level |\n| --- | --- |\n| Aalto | 4.25 m |\n", "text/markdown")
EMPTY = CorpusDocument("empty", "", "")


def test_a_corpus_is_cut_embedded_and_indexed_as_an_ingest_would(tmp_path: Path, embedder: Embedder) -> None:
    told: list[tuple[int, int]] = []
    with Library(tmp_path / "library", create=True) as library:
        fill(library, [TIDE, TABLE, EMPTY], embedder, ChunkPlan(), lambda *done: told.append(done))
        assert library.published
        stored = {document.path: document for document in library.documents()}
        assert set(stored) == {"Tide 1/x", "t", "empty"}
        assert stored["Tide 1/x"].title == "Tide gauge"
        assert stored["Tide 1/x"].chunks > 1
        assert library.text(stored["Tide 1/x"].id).startswith("Tide gauge\n\nIt reads the level")
        assert stored["t"].media_type == "text/markdown"
        retriever = Retriever(library, lambda: embedder)
        for mode in MODES:
            assert retriever.search("Which level does the Aalto gauge have?", 5, mode)[0].chunk.document == "t"
    assert told == [(3, 3)]


def test_the_documents_come_in_batches(tmp_path: Path, embedder: Embedder) -> None:
    told: list[tuple[int, int]] = []
    corpus = [CorpusDocument(str(number), "", f"Note {number}.") for number in range(BATCH + 1)]
    with Library(tmp_path / "library", create=True) as library:
        fill(library, corpus, embedder, ChunkPlan(), lambda *done: told.append(done))
        assert library.counts() == (BATCH + 1, BATCH + 1)
    assert told == [(BATCH, BATCH + 1), (BATCH + 1, BATCH + 1)]
