"""Numbers and codes are found however they are written."""

from pathlib import Path

import pytest

from ragstone.app.engine import Ragstone
from ragstone.app.settings import Settings
from ragstone.generation.models import ModelStore

NOTES = {
    "comma": "The rent of the flat at the harbour is 1,150.00 a month.",
    "point": "Die Miete der Wohnung am Hafen ist 2.375,00 Euro.",
    "bare": "The rent of the shed at the harbour is 640 a month.",
    "whole": "The invoice of the garage came to 84,016.38 in all.",
    "small": "The gasket of the pump is in the catalogue at 13,90 each.",
    "clause": "Clause 4.2.1 says who may enter the garden.",
    "hyphen": "The filter BF-2215 is changed in spring.",
    "joined": "The seal QX7731 is changed in autumn.",
}


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory, model_store: ModelStore):
    folder = tmp_path_factory.mktemp("numbers")
    for name, text in NOTES.items():
        (folder / f"{name}.txt").write_text(text, "utf-8")
    with Ragstone.open(folder / "library", settings=Settings(models_dir=model_store.folder)) as rag:
        rag.ingest(folder)
        yield rag


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("1150", "comma"),
        ("1,150", "comma"),
        ("1150.00", "comma"),
        ("1.150,00", "comma"),
        ("2375", "point"),
        ("2,375", "point"),
        ("640.00", "bare"),
        ("84016", "whole"),
        ("13.90", "small"),
        ("4.2.1", "clause"),
        ("BF2215", "hyphen"),
        ("BF-2215", "hyphen"),
        ("BF 2215", "hyphen"),
        ("QX7731", "joined"),
        ("QX-7731", "joined"),
    ],
)
def test_a_number_or_code_is_found_by_its_words_in_another_form(rag: Ragstone, query: str, found: str):
    hits = rag.search(query, 8, mode="lexical")
    assert [Path(hit.chunk.document).stem for hit in hits][:1] == [found]


@pytest.mark.parametrize("query", ["BF2215", "BF-2215", "QX-7731", "QX7731", "What costs 1150?", "What costs 13.90?"])
def test_another_form_makes_a_passage_likely(rag: Ragstone, query: str):
    first, second = rag.search(query, 2)
    assert first.probability > 0.08
    assert first.probability > 4 * second.probability


def test_a_number_does_not_find_what_is_only_a_part_of_another(rag: Ragstone):
    assert rag.search("150", 8, mode="lexical") == []
    assert rag.search("016", 8, mode="lexical") == []
