from collections.abc import Iterator
from pathlib import Path

import pytest

from ragstone.benchmarks._child import ChildReader
from ragstone.benchmarks._mutations import Mutator
from ragstone.benchmarks.fuzz_parsers import CORPUS, fuzz, violations
from ragstone.ingest.parsed import Block, ParsedDocument, ParseOptions
from ragstone.ingest.parsers import Reading
from ragstone.retrieval.records import Page


@pytest.fixture(scope="module")
def mutator() -> Mutator:
    return Mutator(CORPUS, seed=1)


def test_a_seed_and_a_number_always_give_the_same_case(mutator: Mutator):
    again, other = Mutator(CORPUS, seed=1), Mutator(CORPUS, seed=2)
    assert [again.case(number) for number in (7, 3)] == [mutator.case(number) for number in (7, 3)]
    assert mutator.case(3).data not in (mutator.case(7).data, other.case(3).data)


def test_damaged_files_give_sound_documents_or_reasons(mutator: Mutator):
    with ChildReader(ParseOptions(ocr="off"), seconds=10) as child:
        tallies = fuzz(mutator, range(150), child)
    assert [fault for tally in tallies.values() for fault in tally.faults] == []
    assert sum(tally.documents for tally in tallies.values()) > 30
    assert sum(tally.errors.total() for tally in tallies.values()) > 30


def test_an_exception_and_an_unsound_document_are_faults_and_saved(mutator: Mutator, tmp_path: Path):
    def broken(path: Path) -> Iterator[Reading]:
        raise KeyError(path.name)
        yield

    def unsound(path: Path) -> Iterator[Reading]:
        yield Reading("", ParsedDocument("text", (), "text/plain"))

    for reader, fault in ((broken, "KeyError"), (unsound, "text outside all blocks")):
        (tally,) = fuzz(mutator, [5], reader, tmp_path / fault).values()
        (found,) = tally.faults
        assert fault in found
        (saved,) = (tmp_path / fault).iterdir()
        assert saved.read_bytes() == mutator.case(5).data


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (ParsedDocument("a\rb", (Block("paragraph", 0, 3),), ""), "the text is not clean"),
        (ParsedDocument("a b", (Block("paragraph", 0, 1),), ""), "text outside all blocks"),
        (ParsedDocument("a  ", (Block("paragraph", 0, 1), Block("code", 1, 3)), ""), "a block is empty"),
        (ParsedDocument("ab", (Block("paragraph", 0, 2), Block("code", 1, 2)), ""), "blocks are out of order or text"),
        (ParsedDocument("ab", (Block("heading", 0, 2),), ""), "a level out of 1 to 6, or not of a heading"),
        (ParsedDocument("ab", (Block("paragraph", 0, 2),), "", pages=(Page(2, 0, 2),)), "pages are not numbered"),
        (ParsedDocument("ab", (Block("paragraph", 0, 2),), "", pages=(Page(1, 0, 1),)), "text outside all pages"),
    ],
)
def test_what_is_wrong_with_a_document_is_named(document: ParsedDocument, fault: str):
    assert violations(document) == [fault]
