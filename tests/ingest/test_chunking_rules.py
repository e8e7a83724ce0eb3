from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ragstone.ingest.chunking import ChunkPlan, Method, chunk_document, embedded_texts
from ragstone.ingest.parsed import ParsedDocument
from ragstone.ingest.parsers.building import DocumentBuilder
from ragstone.ingest.parsers.markdown import read_markdown
from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.records import TextChunk

METHODS: list[Method] = ["recursive", "tokens", "sentences"]


def chunk(document: ParsedDocument, embedder: Embedder, plan: ChunkPlan, title: str = "") -> list[TextChunk]:
    return chunk_document(document, embedder.token_offsets, plan, embedder.embed_passages, title)


def table(rows: Sequence[Sequence[str]], before: str = "") -> ParsedDocument:
    builder = DocumentBuilder()
    builder.paragraph(before)
    builder.table(rows)
    return builder.build("text/plain")


PLANTS = [["plant", "output", "remark"], *([f"plant {n}", f"{n * 37}", f"a remark about it {n}"] for n in range(99))]


@pytest.mark.parametrize("method", METHODS)
def test_a_table_over_several_chunks_repeats_its_header_and_keeps_its_rows(embedder: Embedder, method: Method):
    document = table(PLANTS, "Some words stand before the table. " * 12)
    chunks = chunk(document, embedder, ChunkPlan(method, overlap=24))
    rows = [line for c in chunks for line in c.passage.split("\n") if line.startswith("|")]
    assert set(rows) <= set(document.text.split("\n"))
    header = "| plant | output | remark |\n| --- | --- | --- |"
    later = [c for c in chunks if c.text.startswith("| plant") and c.table_header]
    assert len(later) > 3
    assert all(c.table_header == header for c in later)
    assert all(c.passage.startswith(header) for c in later)
    assert all(c.tokens == len(embedder.token_offsets([c.passage])[0]) <= 200 for c in chunks)


@pytest.mark.parametrize("words", range(20, 40))
def test_a_header_is_never_left_alone_at_the_end_of_a_chunk(embedder: Embedder, words: int):
    chunks = chunk(table(PLANTS, "word " * words * 5), embedder, ChunkPlan())
    assert not any(c.text.endswith("| --- |") for c in chunks)
    assert sum("| plant | output" in c.text for c in chunks) == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("apart", [False, True])
def test_lines_of_numbers_below_years_are_a_table(embedder: Embedder, method: Method, apart: bool):
    header = "Output in MWh 2019 2020 2021 2022"
    lines = [f"plant {n} {n * 37} {n * 41} {n * 43} 1,{n:03}" for n in range(120)]
    builder = DocumentBuilder()
    for text in ("Some words stand before the table. " * 24, *([header] if apart else [])):
        builder.paragraph(text)
    builder.paragraph("\n".join(lines if apart else [header, *lines]))
    builder.paragraph("The plants were cleaned in spring.")
    chunks = chunk(builder.build("text/plain"), embedder, ChunkPlan(method, overlap=24))
    assert {c.table_header for c in chunks} == {"", header}
    assert not any(c.text.endswith(header) for c in chunks)
    with_rows = [c for c in chunks if "plant 5" in c.text or "plant 9" in c.text]
    assert len(with_rows) > 3
    assert all(header in c.passage for c in with_rows)
    assert {line for c in chunks for line in c.text.split("\n")} >= set(lines)


def test_a_header_of_more_than_half_a_chunk_is_not_repeated(embedder: Embedder):
    rows = [["a long name of a column"] * 20, *([f"cell {n}"] * 20 for n in range(9))]
    chunks = chunk(table(rows), embedder, ChunkPlan())
    assert len(chunks) > 3
    assert {c.table_header for c in chunks} == {""}


def test_a_row_that_fits_only_without_the_header_is_not_cut(embedder: Embedder):
    rows = [["column of some length"] * 5, *([f"w{n} " * 16] * 5 for n in range(9))]
    chunks = chunk(table(rows), embedder, ChunkPlan())
    assert [c.text.count("\n") for c in chunks[1:]] == [0] * (len(chunks) - 1)
    assert {c.table_header for c in chunks} == {""}


def test_a_row_larger_than_a_chunk_is_cut_at_a_cell(embedder: Embedder):
    rows = [["name", "value", "other"], *([f"cell {n} " * 60, f"part {n} " * 60, "end"] for n in range(3))]
    chunks = chunk(table(rows), embedder, ChunkPlan())
    assert len(chunks) > 3
    assert all(c.text.startswith("|") for c in chunks)
    assert all(c.table_header for c in chunks[1:])


def test_code_keeps_its_indentation_and_its_lines(embedder: Embedder):
    builder = DocumentBuilder()
    lines = [f"        value_{n} = compute(value_{n - 1}, factor={n}).  # see above. It is so" for n in range(60)]
    builder.add("code", "    def run(self):\n" + "\n".join(lines), name="Stack.run")
    builder.add("code", "def other(): ...", name="other")
    document = builder.build("text/x-python")
    chunks = chunk(document, embedder, ChunkPlan())
    assert len(chunks) > 3
    assert chunks[0].text.startswith("    def run")
    assert all(c.text.startswith("        value_") for c in chunks[1:] if c.heading == "Stack.run")
    assert {line for c in chunks for line in c.text.split("\n")} == set(document.text.split("\n"))


def test_the_name_of_a_definition_follows_the_headings(embedder: Embedder):
    builder = DocumentBuilder()
    builder.heading("stack.py", 1)
    builder.add("code", "\n".join(f"first line {n}" for n in range(99)), name="Stack.push")
    chunks = chunk(builder.build("text/x-python"), embedder, ChunkPlan())
    assert chunks[0].heading == "stack.py"
    assert {c.heading for c in chunks[1:]} == {"stack.py > Stack.push"}


def test_a_page_is_a_chunk(embedder: Embedder):
    builder = DocumentBuilder()
    for number in range(4):
        start = builder.length
        builder.paragraph(f"Page {number}.")
        builder.paragraph("A second paragraph. " * (120 if number == 2 else 1))
        builder.page(start)
    chunks = chunk(builder.build("text/plain"), embedder, ChunkPlan("page"))
    assert [c.page for c in chunks] == [1, 2, 3, 3, 3, 4]


def test_without_pages_a_row_or_a_top_level_section_is_a_chunk(embedder: Embedder):
    text = "# Title\n\n## A\n\nOne.\n\n### B\n\nTwo.\n\n## C\n\n| k | v |\n| - | - |\n| a | 1 |\n| b | 2 |\n\nEnd."
    chunks = chunk(read_markdown(text, "text/markdown"), embedder, ChunkPlan("page"))
    assert [c.text.split("\n")[0] for c in chunks] == ["# Title", "## A", "## C", "| k | v |", "| b | 2 |", "End."]
    assert chunks[4].passage == "| k | v |\n| - | - |\n| b | 2 |"


def test_semantic_chunks_end_where_the_subject_changes(embedder: Embedder):
    cats = "The cat sleeps on the warm sofa. It purrs when its owner strokes its fur. Kittens like to play with wool. "
    money = "The central bank raised interest rates. Inflation worries investors. Bond yields rose on the market. "
    chunks = chunk(read_markdown(cats + money, ""), embedder, ChunkPlan("semantic", tokens=100))
    assert [c.text for c in chunks] == [cats.strip(), money.strip()]


def test_semantic_needs_an_embedder(embedder: Embedder):
    with pytest.raises(ValueError, match="needs an embedder"):
        chunk_document(read_markdown("One. Two.", ""), embedder.token_offsets, ChunkPlan("semantic"))


def test_the_prefix_takes_its_room_from_the_text(embedder: Embedder, samples: Path):
    document = read_markdown("# Turbines\n\n## Safety\n\n" + "They turn slowly, and their owners like it. " * 60, "")
    plan = ChunkPlan(prefix=True)
    chunks = chunk(document, embedder, plan, "Handbook")
    texts = embedded_texts(chunks, "Handbook", embedder.token_offsets, plan)
    assert texts[1] == f"Handbook > {chunks[1].heading}\n{chunks[1].text}"
    assert max(len(tokens) for tokens in embedder.token_offsets(texts)) <= 200
    assert embedded_texts(chunks, "Handbook", embedder.token_offsets, ChunkPlan()) == [c.text for c in chunks]


def test_a_prefix_is_at_most_a_quarter_of_what_is_embedded(embedder: Embedder):
    title = "an endless title " * 50
    plan = ChunkPlan(prefix=True)
    chunks = chunk(read_markdown("Short sentences. " * 200, ""), embedder, plan, title)
    texts = embedded_texts(chunks, title, embedder.token_offsets, plan)
    assert max(len(tokens) for tokens in embedder.token_offsets(texts)) <= 200
    assert chunks[0].tokens > 140


def test_a_title_that_is_the_first_heading_is_not_said_twice(embedder: Embedder):
    plan = ChunkPlan(prefix=True)
    chunks = chunk(read_markdown("# Turbines\n\nThey turn.", ""), embedder, plan, "Turbines")
    (text,) = embedded_texts(chunks, "Turbines", embedder.token_offsets, plan)
    assert text == "Turbines\n# Turbines\n\nThey turn."


def test_the_chunks_of_a_section_are_neighbours_with_one_heading_path(embedder: Embedder):
    text = "".join(f"# Part {n}\n\n{'A sentence of this part. ' * 100}\n\n" for n in range(3))
    chunks = chunk(read_markdown(text, ""), embedder, ChunkPlan(overlap=24))
    for n in range(3):
        own = [c for c in chunks if c.heading == f"Part {n}"]
        assert np.diff([c.ordinal for c in own]).tolist() == [1] * (len(own) - 1)
        assert text[own[0].char_start : own[-1].char_end].strip() == text.split("# ")[n + 1].join(["# ", ""]).strip()
