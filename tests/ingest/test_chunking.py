import base64
import random
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from ragstone.errors import ParseError
from ragstone.ingest.chunking import ChunkSize, chunk_document
from ragstone.ingest.parsed import Block, ParsedDocument
from ragstone.ingest.parsers import SUFFIXES, parse
from ragstone.ingest.parsers.spans import heading_title, line_spans
from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.records import TextChunk

SIZES = (ChunkSize(), ChunkSize(64, 16), ChunkSize(254, 0), ChunkSize(32, 8))


def chunk(document: ParsedDocument, embedder: Embedder, size: ChunkSize) -> list[TextChunk]:
    """Chunks a document and asserts what holds for every document."""
    text = document.text
    chunks = chunk_document(document, embedder.token_offsets, size)
    assert [c.ordinal for c in chunks] == list(range(len(chunks)))
    end = 0
    for c in chunks:
        assert c.text == text[c.char_start : c.char_end]
        assert c.text.strip() == c.text != ""
        assert not text[end : c.char_start].strip(), "text outside all chunks"
        end = c.char_end
    assert not text[end:].strip(), "text outside all chunks"
    for a, b in pairwise(chunks):
        assert a.char_start < b.char_start
        assert a.char_end < b.char_end
    counted = [len(offsets) for offsets in embedder.token_offsets([c.text for c in chunks])]
    assert [c.tokens for c in chunks] == counted
    assert max(counted, default=0) <= size.tokens
    _check_places(document, chunks)
    _check_overlaps(document, chunks, embedder, size)
    return chunks


def _check_places(document: ParsedDocument, chunks: list[TextChunk]) -> None:
    headings = [block for block in document.blocks if block.kind == "heading"]
    for c in chunks:
        on = [p.number for p in document.pages if p.char_start <= c.char_start < p.char_end]
        assert c.page == (on[0] if document.pages else None)
        path: list[Block] = []
        for heading in headings:
            if heading.char_start <= c.char_start:
                path = [above for above in path if above.level < heading.level] + [heading]
        titles = [heading_title(document.text[b.char_start : b.char_end]) for b in path]
        assert _words(c.heading) == _words(" > ".join(titles))


def _words(heading: str) -> str:
    return " ".join(re.findall(r"\w+|>", heading.replace("_", " ")))


def _check_overlaps(document: ParsedDocument, chunks: list[TextChunk], embedder: Embedder, size: ChunkSize) -> None:
    headings = [block.char_start for block in document.blocks if block.kind == "heading"]
    repeated = [document.text[b.char_start : a.char_end] for a, b in pairwise(chunks) if b.char_start < a.char_end]
    for offsets in embedder.token_offsets(repeated):
        assert len(offsets) <= size.overlap + 1  # a word cut in two can count once more
    for a, b in pairwise(chunks):
        if b.char_start < a.char_end:
            assert not [h for h in headings if b.char_start <= h < a.char_end], "an overlap across a heading"


def documents(folder: Path) -> Iterator[tuple[Path, ParsedDocument]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            try:
                yield path, parse(path)
            except ParseError:
                continue


def text_document(text: str) -> ParsedDocument:
    return ParsedDocument(text, (Block("paragraph", 0, len(text)),) if text.strip() else (), "text/plain")


def test_chunks_of_the_samples_keep_every_promise_at_every_size(samples: Path, embedder: Embedder):
    number = 0
    for _, document in documents(samples):
        number += 1
        fewest = 0
        for size in sorted(SIZES, key=lambda size: -size.tokens):
            chunks = chunk(document, embedder, size)
            assert len(chunks) >= fewest
            fewest = len(chunks)
    assert number == 19


def test_chunks_of_real_documents_keep_every_promise(bench_data: Path, embedder: Embedder):
    number = overlaps = 0
    tables: list[tuple[str, int, int]] = []
    for path, document in documents(bench_data / "documents"):
        number += 1
        try:
            chunks = chunk(document, embedder, ChunkSize())
        except AssertionError as error:
            raise AssertionError(f"{path}: {error}") from error
        overlaps += sum(b.char_start < a.char_end for a, b in pairwise(chunks))
        tables += [(f"{path.name}: {row}", tokens, cut) for row, tokens, cut in _rows(document, chunks, embedder)]
    assert number > 300
    assert overlaps > 100
    # A chunk ends at a row once it is 60 % full, so a row that takes up to 40 % of a chunk is never cut.
    assert [row for row, tokens, cut in tables if cut and tokens <= 80] == []
    whole = [cut for _, tokens, cut in tables if tokens <= 200]
    assert len(whole) > 1000
    assert sum(whole) <= 0.005 * len(whole)


def _rows(document: ParsedDocument, chunks: list[TextChunk], embedder: Embedder) -> list[tuple[str, int, bool]]:
    """Every row of a table with its number of tokens, and whether no chunk holds it whole."""
    rows = []
    for block in document.blocks:
        if block.kind == "table":
            spans = line_spans(document.text[block.char_start : block.char_end])
            rows += [(block.char_start + a, block.char_start + b) for a, b in spans if a < b]
    texts = [document.text[a:b] for a, b in rows]
    counts = [len(offsets) for offsets in embedder.token_offsets(texts)]
    stripped = [(b - len(t.lstrip()), a + len(t.rstrip())) for (a, b), t in zip(rows, texts, strict=True)]
    return [
        (text, count, not any(c.char_start <= a and b <= c.char_end for c in chunks))
        for text, count, (a, b) in zip(texts, counts, stripped, strict=True)
    ]


def test_a_chunk_ends_before_the_next_heading(embedder: Embedder, tmp_path: Path):
    path = tmp_path / "a.md"
    section = "This sentence fills a section until it has some length. " * 8
    path.write_text(f"# One\n\n{section}\n\n## Two\n\n{section}\n\n# Three\n\n## Four\n\n{section}")
    chunks = chunk(parse(path), embedder, ChunkSize())
    assert [c.heading for c in chunks] == ["One", "One > Two", "Three"]
    assert [c.text.split("\n")[0] for c in chunks] == ["# One", "## Two", "# Three"]


def test_neighbouring_chunks_of_one_section_share_whole_sentences(embedder: Embedder):
    text = " ".join(f"Sentence number {n} tells something about turbines and their owners." for n in range(80))
    chunks = chunk(text_document(text), embedder, ChunkSize())
    shared = [text[b.char_start : a.char_end] for a, b in pairwise(chunks)]
    assert len(shared) > 3
    for overlap in shared:
        assert re.fullmatch(r"Sentence number \d+ tells .* owners\.", overlap)
    apart = chunk(text_document(text), embedder, ChunkSize(200, 0))
    assert all(a.char_end <= b.char_start for a, b in pairwise(apart))


def test_an_overlap_is_never_more_than_a_quarter_of_a_chunk(embedder: Embedder):
    text = " ".join(f"Sentence {n} is short." for n in range(400))
    chunks = chunk_document(text_document(text), embedder.token_offsets, ChunkSize(64, 2048))
    assert sum(c.tokens for c in chunks) < 1.4 * len(embedder.token_offsets([text])[0])


def test_a_table_row_is_kept_whole(embedder: Embedder, tmp_path: Path):
    path = tmp_path / "a.csv"
    rows = [f"plant {n},{n * 37},a remark about this plant number {n}" for n in range(200)]
    path.write_text("\n".join(["name,output,remark", *rows]))
    document = parse(path)
    chunks = chunk(document, embedder, ChunkSize())
    lines = [line for c in chunks for line in c.text.split("\n")]
    assert set(lines) == set(document.text.split("\n"))


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
@pytest.mark.parametrize("size", [ChunkSize(), ChunkSize(32, 8)], ids=["200", "32"])
def test_no_text_breaks_the_chunker(embedder: Embedder, name: str, size: ChunkSize):
    text = hostile()[name]
    chunks = chunk(text_document(text), embedder, size)
    assert bool(chunks) == bool(text.strip())
    some = chunks[:2] + chunks[-1:]
    assert embedder.embed_passages([c.text for c in some]).shape == (len(some), 384)
