import base64
import random
import re
import time
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from ragstone.ingest.chunking import METHODS, ChunkPlan, Method, chunk_document
from ragstone.ingest.parsed import Block, BlockKind, ParsedDocument, ParseOptions
from ragstone.ingest.parsers import SUFFIXES, parse, read
from ragstone.ingest.parsers.spans import heading_title, line_spans
from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.records import TextChunk

PLANS = (
    ChunkPlan(),
    ChunkPlan(tokens=64, overlap=16),
    ChunkPlan(tokens=254),
    ChunkPlan(tokens=32, overlap=8),
)
FAST = [ChunkPlan(method, overlap=24) for method in METHODS if method != "semantic"]


def chunk(document: ParsedDocument, embedder: Embedder, plan: ChunkPlan) -> list[TextChunk]:
    """Chunks a document and asserts what holds for every document and every plan."""
    text = document.text
    chunks = chunk_document(document, embedder.token_offsets, plan, embedder.embed_passages)
    assert [c.ordinal for c in chunks] == list(range(len(chunks)))
    end = 0
    for c in chunks:
        assert c.text == text[c.char_start : c.char_end]
        assert c.text == c.text.rstrip() != ""
        indent = c.text[: len(c.text) - len(c.text.lstrip())]
        assert not indent.strip(" \t"), "a blank line at the start"
        assert not indent or _kind(document, c) == "code"
        assert not text[end : c.char_start].strip(), "text outside all chunks"
        end = c.char_end
    assert not text[end:].strip(), "text outside all chunks"
    for a, b in pairwise(chunks):
        assert a.char_start < b.char_start
        assert a.char_end < b.char_end
    counted = [len(offsets) for offsets in embedder.token_offsets([c.passage for c in chunks])]
    assert [c.tokens for c in chunks] == counted
    assert max(counted, default=0) <= plan.tokens
    _check_places(document, chunks)
    _check_overlaps(document, chunks, embedder, plan)
    _check_rows(document, chunks, embedder, plan)
    return chunks


def _ink(c: TextChunk) -> int:
    return c.char_end - len(c.text.lstrip())


def _kind(document: ParsedDocument, c: TextChunk) -> str:
    (kind,) = {b.kind for b in document.blocks if b.char_start <= _ink(c) < b.char_end}
    return kind


def _check_places(document: ParsedDocument, chunks: list[TextChunk]) -> None:
    path: list[Block] = []
    blocks = iter([*document.blocks, None])
    block, name = next(blocks), ""
    for c in chunks:
        on = [p.number for p in document.pages if p.char_start <= _ink(c) < p.char_end]
        assert c.page == (on[0] if document.pages else None)
        while block is not None and block.char_start <= _ink(c):
            name = block.name
            if block.kind == "heading":
                path = [above for above in path if above.level < block.level] + [block]
            block = next(blocks)
        titles = [heading_title(document.text[b.char_start : b.char_end]) for b in path]
        assert c.heading == " > ".join([*titles, name] if name else titles)


def _check_overlaps(document: ParsedDocument, chunks: list[TextChunk], embedder: Embedder, plan: ChunkPlan) -> None:
    headings = [block.char_start for block in document.blocks if block.kind == "heading"]
    shared = [(b.char_start, a.char_end) for a, b in pairwise(chunks) if b.char_start < a.char_end]
    for offsets in embedder.token_offsets([document.text[a:b] for a, b in shared]):
        assert len(offsets) <= plan.overlap + 1  # a word cut in two can count once more
    for a, b in shared:
        assert not [h for h in headings if a <= h < b], "an overlap across a heading"


def _check_rows(document: ParsedDocument, chunks: list[TextChunk], embedder: Embedder, plan: ChunkPlan) -> None:
    """No row of a table and no line of code that fits into a chunk is cut."""
    text, rows = document.text, []
    for block in document.blocks:
        if block.kind in ("table", "code"):
            spans = line_spans(text[block.char_start : block.char_end])
            rows += [(block.char_start + a, block.char_start + b) for a, b in spans if a < b]
    ends = [c.char_end for c in chunks]
    inside = [(a, b) for a, b in rows if _cuts(text, a, b, ends)]
    for (a, b), offsets in zip(inside, embedder.token_offsets([text[a:b] for a, b in inside]), strict=True):
        assert len(offsets) > plan.tokens or b - a > 8 * plan.tokens, f"cut: {text[a:b]}"


def _cuts(text: str, start: int, end: int, ends: list[int]) -> bool:
    at = bisect_right(ends, start)
    return at < len(ends) and ends[at] < end and bool(text[ends[at] : end].strip())


def documents(folder: Path) -> Iterator[tuple[Path, ParsedDocument]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            yield from ((path, r.document) for r in read(path, ParseOptions(ocr="off")) if r.document is not None)


def text_document(text: str) -> ParsedDocument:
    return ParsedDocument(text, (Block("paragraph", 0, len(text)),) if text.strip() else (), "text/plain")


def test_chunks_of_the_samples_keep_every_promise_at_every_size(samples: Path, embedder: Embedder):
    for _, document in documents(samples):
        fewest = 0
        for plan in sorted(PLANS, key=lambda plan: -plan.tokens):
            chunks = chunk(document, embedder, plan)
            assert len(chunks) >= fewest
            fewest = len(chunks)
        for plan in FAST:
            chunk(document, embedder, plan)


def test_chunks_of_real_documents_keep_every_promise_by_every_method(bench_data: Path, embedder: Embedder):
    """Each document by two of the methods, in turn: hundreds of documents by each."""
    number = overlaps = headers = embedded = 0
    for path, document in documents(bench_data / "documents"):
        number += 1
        try:
            for plan in (FAST[number % len(FAST)], FAST[(number + 1) % len(FAST)]):
                chunks = chunk(document, embedder, plan)
                overlaps += sum(b.char_start < a.char_end for a, b in pairwise(chunks))
                headers += sum(bool(c.table_header) for c in chunks)
            if len(document.text) < 3000 and embedded < 10:
                embedded += 1
                chunk(document, embedder, ChunkPlan("semantic"))
        except AssertionError as error:
            raise AssertionError(f"{path}: {error}") from error
    assert number > 300
    assert overlaps > 100
    assert headers > 10
    assert embedded == 10


def test_a_chunk_ends_before_the_next_heading(embedder: Embedder, tmp_path: Path):
    path = tmp_path / "a.md"
    section = "This sentence fills a section until it has some length. " * 8
    path.write_text(f"# One\n\n{section}\n\n## Two\n\n{section}\n\n# Three\n\n## Four\n\n{section}")
    chunks = chunk(parse(path), embedder, ChunkPlan(overlap=24))
    assert [c.heading for c in chunks] == ["One", "One > Two", "Three"]
    assert [c.text.split("\n")[0] for c in chunks] == ["# One", "## Two", "# Three"]


@pytest.mark.parametrize("method", ["recursive", "sentences"])
def test_neighbouring_chunks_of_one_section_share_whole_sentences(embedder: Embedder, method: Method):
    text = " ".join(f"Sentence number {n} tells something about turbines and their owners." for n in range(80))
    chunks = chunk(text_document(text), embedder, ChunkPlan(method, overlap=24))
    shared = [text[b.char_start : a.char_end] for a, b in pairwise(chunks)]
    assert len(shared) > 3
    for overlap in shared:
        assert re.fullmatch(r"Sentence number \d+ tells .* owners\.", overlap)
    apart = chunk(text_document(text), embedder, ChunkPlan(method))
    assert all(a.char_end <= b.char_start for a, b in pairwise(apart))


def test_an_overlap_is_never_more_than_a_quarter_of_a_chunk(embedder: Embedder):
    text = " ".join(f"Sentence {n} is short." for n in range(400))
    chunks = chunk_document(text_document(text), embedder.token_offsets, ChunkPlan(tokens=64, overlap=2048))
    assert sum(c.tokens for c in chunks) < 1.4 * len(embedder.token_offsets([text])[0])


def test_lines_of_a_wrapped_paragraph_are_weaker_boundaries_than_sentences(embedder: Embedder):
    text = "\n".join(["The sentence goes on", "over the end of this line. And another"] * 60)
    chunks = chunk(text_document(text), embedder, ChunkPlan())
    assert len(chunks) > 2
    assert all(c.text.endswith("over the end of this line.") for c in chunks[:-1])


def hostile() -> dict[str, str]:
    dice = random.Random(5)
    return {
        "one word of 50,000 letters": "".join(dice.choices("abcdefghij", k=50_000)),
        "one word of one letter": "a" * 50_000,
        "base64": base64.b64encode(dice.randbytes(60_000)).decode(),
        "base64 in lines": base64.encodebytes(dice.randbytes(60_000)).decode(),
        "emoji": "👩‍👩‍👧‍👦🇳🇴😀" * 3000,
        "Chinese": "电池的容量在一月份的测试中为百分之九十三。" * 500,
        "Japanese without stops": "電池の容量" * 2000,
        "Korean": "배터리 용량은 시험에서 구십삼 퍼센트였습니다. " * 500,
        "Korean decomposed": "\u1107\u1162\u1110\u1165\u1105\u1175" * 3000,
        "Thai": "ความจุของแบตเตอรี่" * 1000,
        "Arabic": "كانت سعة البطارية في الاختبار " * 500,
        "combining marks": "a" + "\u0301" * 20_000,
        "zero width": "\u200b" * 20_000,
        "private use": "\ue000\uf8ff" * 5000,
        "control": "\x01\x02\x7f" * 5000,
        "one line of numbers": " ".join(str(n * 7919) for n in range(20_000)),
        "one line of marks": "-=" * 20_000,
        "blank lines": "word\n" + "\n" * 20_000 + "word",
        "spaces of all kinds": "word\u00a0\u2003\u3000\u2028word\u0085" * 3000,
        "nothing": "",
        "only spaces": " \n\t\u3000 " * 100,
        "one letter": "x",
    }


@pytest.mark.parametrize("name", hostile())
@pytest.mark.parametrize("plan", [*FAST, ChunkPlan(tokens=32, overlap=8)], ids=[*(p.method for p in FAST), "32"])
def test_no_text_breaks_the_chunker(embedder: Embedder, name: str, plan: ChunkPlan):
    text = hostile()[name]
    chunks = chunk(text_document(text), embedder, plan)
    assert bool(chunks) == bool(text.strip())
    some = chunks[:2] + chunks[-1:]
    assert embedder.embed_passages([c.text for c in some]).shape == (len(some), 384)


@pytest.mark.parametrize("text", ["a" * 3_000_000, "word\n" + "\n" * 1_000_000 + "word", "word, and. " * 100_000])
@pytest.mark.parametrize("kind", ["paragraph", "code"])
def test_long_texts_take_seconds(embedder: Embedder, text: str, kind: BlockKind):
    document = ParsedDocument(text, (Block(kind, 0, len(text.rstrip())),), "text/plain")
    started = time.process_time()
    assert chunk_document(document, embedder.token_offsets, ChunkPlan())
    assert time.process_time() - started < 20
