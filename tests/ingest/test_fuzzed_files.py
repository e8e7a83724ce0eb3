from pathlib import Path

import pytest

from ragstone.benchmarks._mutations import Mutator
from ragstone.benchmarks.fuzz_parsers import CORPUS, ReadAll, fuzz, in_children, in_process, violations
from ragstone.errors import ParseError
from ragstone.ingest.isolation import Limits, ParserPool
from ragstone.ingest.parsed import Block, ParsedDocument, ParseOptions
from ragstone.ingest.parsers import Reading
from ragstone.retrieval.records import Page

SOUND = ParsedDocument("text", (Block("paragraph", 0, 4),), "text/plain")


@pytest.fixture(scope="module")
def mutator() -> Mutator:
    return Mutator(CORPUS, seed=1)


def giving(*readings: Reading) -> ReadAll:
    return lambda files: ((case, list(readings)) for case, _ in files)


def test_a_seed_and_a_number_always_give_the_same_case(mutator: Mutator):
    again, other = Mutator(CORPUS, seed=1), Mutator(CORPUS, seed=2)
    assert [again.case(number) for number in (7, 3)] == [mutator.case(number) for number in (7, 3)]
    assert mutator.case(3).data not in (mutator.case(7).data, other.case(3).data)


def test_damaged_files_give_sound_documents_or_reasons(mutator: Mutator):
    with ParserPool(Limits(jobs=2, seconds=20, ocr="off")) as pool:
        tallies = fuzz(mutator, range(150), in_children(pool))
    assert [fault for tally in tallies.values() for fault in tally.faults] == []
    assert sum(tally.cases for tally in tallies.values()) == 150
    assert sum(tally.documents for tally in tallies.values()) > 30
    assert sum(tally.errors.total() for tally in tallies.values()) > 30


def test_a_parser_that_reaches_a_limit_leaves_only_the_reason(mutator: Mutator):
    with ParserPool(Limits(seconds=0.001, ocr="off")) as pool:
        tallies = fuzz(mutator, range(3), in_children(pool))
    stopped = [case for tally in tallies.values() for case in tally.stopped]
    assert len(stopped) == 3 and all("gave no sign of life" in case for case in stopped)
    assert not any(tally.documents or tally.faults for tally in tallies.values())


def test_a_case_can_be_repeated_in_process(mutator: Mutator):
    (tally,) = fuzz(mutator, [3], in_process(ParseOptions(ocr="off"))).values()
    assert (tally.cases, tally.faults) == (1, [])


def error(what: str) -> ParseError:
    return ParseError(what, remedy="Report it", path="a file")


@pytest.mark.parametrize(
    ("readings", "fault"),
    [
        ([Reading("", ParsedDocument("text", (), "text/plain"))], "text outside all blocks"),
        ([Reading("a\0b")], "a part's name is not clean"),
        ([Reading("", error=error("no"))], "without its file"),
        ([Reading("", error=error("it crashed its parser (exit code 1)"))], "an exception left the parser"),
        ([Reading("", SOUND), Reading("", error=error("it crashed its parser (killed)"))], "something is left"),
    ],
)
def test_what_is_wrong_with_a_case_is_named_and_its_file_saved(
    mutator: Mutator, tmp_path: Path, readings: list[Reading], fault: str
):
    (tally,) = fuzz(mutator, [5], giving(*readings), tmp_path / "saved").values()
    assert any(fault in found for found in tally.faults)
    (saved,) = (tmp_path / "saved").iterdir()
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
