"""Which chunks let a retriever find the words that answer a question, and little else.

    python -m pip install --requirement requirements-bench.txt
    python benchmarks/chunking.py [--only NAME,NAME] [--out SCORES.jsonl]

The 472 questions and 5 corpora of Chroma's chunking evaluation, with its metrics, which compare ranges of characters:
recall, precision and IoU of the 5 chunks nearest to a question, and precision with all chunks that touch an answer,
"precision omega". Source: brandonstarxel/chunking_evaluation, `base_evaluation.py`. Every chunker counts the tokens of
all-MiniLM-L6-v2, whose embeddings find the chunks by exact cosine, in all corpora together.

The same k gives large chunks more text. So there is recall under an equal budget, too: chunks are taken in the order of
their rank until they have BUDGET characters, and the last one is cut there. An overlap is paid twice, as in a prompt.

A difference is that of the same question's scores, theirs less those of the default. Chunkers that are not installed
are left out. With --out scores are kept, and a second run goes on where the first stopped.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from _timing import table
from tokenizers import Tokenizer

from ragstone.app.settings import Settings
from ragstone.eval.metrics.excerpts import Retrieved, excerpt_scores, precision_omega
from ragstone.eval.readers.excerpts import ExcerptQuestion, Range, read_chroma
from ragstone.eval.stats import Estimate, estimate
from ragstone.generation.models import ModelStore
from ragstone.ingest.chunking import METHODS, ChunkPlan, chunk_document
from ragstone.ingest.parsers.markdown import read_markdown
from ragstone.retrieval.embedding import Embedder, load_embedder

DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
K, BUDGET, DEPTH = 5, 4000, 200
SIZES = ((100, 0), (150, 0), (200, 0), (200, 24), (250, 0))
METRICS = ("recall", "precision", "iou", "precision_omega", "recall_at_budget")
HEAD = ("chunker, tokens/overlap", "chunks", "characters", *METRICS, "k at budget")

Chunker = Callable[[str], Sequence[Range]]


@dataclass(frozen=True, slots=True)
class Scores:
    """A chunker's scores, question by question."""

    chunks: int
    characters: float
    k_at_budget: float
    recall: list[float]
    precision: list[float | None]
    iou: list[float]
    precision_omega: list[float]
    recall_at_budget: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="the chunkers whose names begin with one of these, parted by commas")
    parser.add_argument("--out", type=Path, help="where the scores are kept")
    args = parser.parse_args()
    data = read_chroma(DATA / "retrieval" / "chroma_chunking")
    corpora, questions = {document.id: document.text for document in data.corpus}, data.questions
    store = ModelStore(Settings.load().models_dir, offline=False)
    model = store.pull("all-minilm-l6-v2")
    embedder = load_embedder(model, store.folder / "exported")
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    asked = np.stack([embedder.embed_query(question.question) for question in questions])
    kept = dict(map(json.loads, args.out.read_text("utf-8").splitlines())) if args.out and args.out.exists() else {}
    scores: dict[str, Scores] = {}
    for name, chunker in chunkers(embedder, tokenizer).items():
        if name in kept:
            scores[name] = Scores(**kept[name])
        elif not args.only or name.startswith(tuple(args.only.split(","))):
            chunks = [Retrieved(corpus, *span) for corpus, text in corpora.items() for span in chunker(text)]
            nearest = _nearest(embedder, corpora, chunks, asked)
            scores[name] = score(questions, chunks, nearest)
            if args.out:
                with args.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([name, asdict(scores[name])]) + "\n")
    show(scores, "{0.method} {0.tokens}/{0.overlap}".format(ChunkPlan()))


def chunkers(embedder: Embedder, tokenizer: Tokenizer) -> dict[str, Chunker]:
    """What is compared, by name: text to ranges."""
    found: dict[str, Chunker] = {}
    for tokens, overlap in SIZES:
        size = f"{tokens}/{overlap}"
        plans = [ChunkPlan(method, tokens, overlap) for method in METHODS]
        found |= {f"{p.method} {size}": partial(_ours, embedder, p) for p in plans}
    for tokens, overlap in SIZES:
        size = f"{tokens}/{overlap}"
        if find_spec("langchain_text_splitters"):
            found[f"langchain recursive {size}"] = partial(_langchain, embedder, tokens, overlap)
        if find_spec("semantic_text_splitter"):
            found[f"semantic-text-splitter text {size}"] = partial(
                _text_splitter, embedder, "TextSplitter", tokens, overlap
            )
            found[f"semantic-text-splitter markdown {size}"] = partial(
                _text_splitter, embedder, "MarkdownSplitter", tokens, overlap
            )
        if find_spec("chonkie"):
            found[f"chonkie sentence {size}"] = partial(
                _chonkie, embedder, tokenizer, "SentenceChunker", tokens, chunk_overlap=overlap
            )
            if not overlap:  # the others have none
                found[f"chonkie recursive {size}"] = partial(_chonkie, embedder, tokenizer, "RecursiveChunker", tokens)
                found[f"chonkie semantic {size}"] = partial(_chonkie, embedder, tokenizer, "SemanticChunker", tokens)
    return found


def _ours(embedder: Embedder, plan: ChunkPlan, text: str) -> list[Range]:
    document = read_markdown(text, "text/markdown")
    chunks = chunk_document(document, embedder.token_offsets, plan, embedder.embed_passages)
    return [(chunk.char_start, chunk.char_end) for chunk in chunks]


def _langchain(embedder: Embedder, tokens: int, overlap: int, text: str) -> list[Range]:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=tokens,
        chunk_overlap=overlap,
        length_function=lambda part: len(embedder.token_offsets([part])[0]),
    )
    found, start = [], -1
    for chunk in splitter.split_text(text):  # its own start_index takes the overlap for characters, and goes astray
        start = text.index(chunk, start + 1)
        found.append((start, start + len(chunk)))
    return found


def _text_splitter(embedder: Embedder, name: str, tokens: int, overlap: int, text: str) -> list[Range]:
    import semantic_text_splitter

    def count(part: str) -> int:
        return len(embedder.token_offsets([part])[0])

    splitter = getattr(semantic_text_splitter, name).from_callback(count, tokens, overlap)
    return [(start, start + len(chunk)) for start, chunk in splitter.chunk_indices(text)]


def _chonkie(
    embedder: Embedder, tokenizer: Tokenizer, name: str, tokens: int, text: str, **options: int
) -> list[Range]:
    import chonkie
    from chonkie.embeddings import BaseEmbeddings

    class Embeddings(BaseEmbeddings):
        """Our embedder."""

        @property
        def dimension(self) -> int:
            return embedder.identity.dimension

        def embed(self, text: str) -> np.ndarray:
            return _embed(embedder, [text])[0]

        def embed_batch(self, texts: list[str]) -> list[np.ndarray]:
            return list(_embed(embedder, texts))

        def get_tokenizer(self) -> Tokenizer:
            return tokenizer

    if name == "SemanticChunker":
        chunker = chonkie.SemanticChunker(embedding_model=Embeddings(), chunk_size=tokens)
    else:
        chunker = getattr(chonkie, name)(tokenizer=tokenizer, chunk_size=tokens, **options)
    return [(chunk.start_index, chunk.end_index) for chunk in chunker.chunk(text)]


def _embed(embedder: Embedder, texts: Sequence[str]) -> np.ndarray:
    """Embed, and read only the beginning of what is too long, as other libraries do."""
    most = embedder.passage_tokens
    cut = [
        text[: offsets[most - 4][0]] if len(offsets) > most else text
        for text, offsets in zip(texts, embedder.token_offsets(texts), strict=True)
    ]
    return embedder.embed_passages(cut)


def _nearest(embedder: Embedder, corpora: dict[str, str], chunks: list[Retrieved], asked: np.ndarray) -> np.ndarray:
    """The numbers of the DEPTH chunks nearest to each question, nearest first."""
    vectors = _embed(embedder, [corpora[chunk.document][chunk.start : chunk.end] for chunk in chunks])
    return np.argsort(-(asked @ vectors.T), axis=1, kind="stable")[:, :DEPTH]


def score(questions: Sequence[ExcerptQuestion], chunks: list[Retrieved], nearest: np.ndarray) -> Scores:
    """Every metric for every question."""
    first, cut, counts = [], [], []
    for question, ranked in zip(questions, nearest, strict=True):
        found = [chunks[number] for number in ranked]
        first.append(excerpt_scores(question, found[:K]))
        within = list(_within(found, BUDGET))
        cut.append(excerpt_scores(question, within).recall)
        counts.append(len(within))
    recall, precision, iou = (list(column) for column in zip(*first, strict=True))
    omega = [precision_omega(question, chunks) for question in questions]
    lengths = [chunk.end - chunk.start for chunk in chunks]
    return Scores(len(chunks), float(np.mean(lengths)), float(np.mean(counts)), recall, precision, iou, omega, cut)


def _within(found: Sequence[Retrieved], budget: int) -> Iterator[Retrieved]:
    for chunk in found:
        if budget <= 0:
            return
        yield Retrieved(chunk.document, chunk.start, min(chunk.end, chunk.start + budget))
        budget -= chunk.end - chunk.start


def show(scores: dict[str, Scores], default: str) -> None:
    """The table, and the differences from the default."""
    rows = []
    for name, one in scores.items():
        means = [_percent(estimate(getattr(one, metric))) for metric in METRICS]
        rows.append([name, one.chunks, f"{one.characters:.0f}", *means, f"{one.k_at_budget:.1f}"])
    print(
        f"Percent [95 % interval]; n = {len(next(iter(scores.values())).recall)}; budget {BUDGET} characters, k = {K}\n"
    )
    print(table(HEAD, rows))
    if default in scores:
        print(f"\nDifferences from {default}, paired, in points:\n")
        print(
            table(("", *METRICS), [[n, *_differences(s, scores[default])] for n, s in scores.items() if n != default])
        )


def _differences(one: Scores, other: Scores) -> list[str]:
    pairs = [zip(getattr(one, metric), getattr(other, metric), strict=True) for metric in METRICS]
    return [_percent(estimate([a - b for a, b in pair]), "+") for pair in pairs]


def _percent(value: Estimate, sign: str = "") -> str:
    return value.spread(f"{sign}.1f", 100)


if __name__ == "__main__":
    main()
