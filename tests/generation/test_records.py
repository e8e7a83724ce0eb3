import json

from ragstone.generation.grounding.evidence import BUDGET, Source
from ragstone.generation.grounding.joining import misjoined
from ragstone.generation.grounding.records import Line, parsed_record, record_lines, record_tables, table_rows

RECORD = {
    "name": "Joe's Grill",
    "hours": {"Monday": "11:0-21:30", "Sunday": None},
    "attributes": {"BusinessParking": {"garage": False, "street": True}, "WiFi": "no"},
    "stars": 3.5,
    "reviews": [
        {"stars": 5, "text": "I loved the ribs. " * 8},
        {"stars": 1, "text": "Nobody came to our table for an hour, and then the soup was cold. " * 3},
    ],
}


def lines_of(text: str) -> list[Line]:
    record = parsed_record(text)
    assert record is not None
    return record_lines(text, record)


def test_every_value_of_a_record_stands_beside_its_name() -> None:
    lines = [line for _, _, line in lines_of(json.dumps(RECORD))]
    assert lines[0] == "name Joe's Grill, stars 3.5"
    assert "attributes business parking: garage no, street yes" in lines
    assert "hours: monday 11:0 (11:00 AM)-21:30 (9:30 PM), sunday not given" in lines


def test_lines_keep_the_place_of_what_they_say() -> None:
    for text in (json.dumps(RECORD, indent=2), repr(RECORD)):
        for start, end, line in lines_of(text):
            if line.startswith("attributes business parking"):
                assert text[start:end].count("garage") == text[start:end].count("street") == 1
            if line.startswith("reviews: stars"):
                assert "stars" in text[start:end] and "text" not in text[start:end]


def test_lines_of_objects_that_are_alike_stand_in_their_order() -> None:
    objects = [{"part": "K2", "price": 40.5}, {"part": "K3", "price": 40.5}, {"part": "K2", "price": 40.5}]
    for text in (json.dumps({"all": objects, "part": "K2"}), repr({"all": objects, 7: 40.5})):
        of_objects = [text[start:end] for start, end, line in lines_of(text) if line.startswith("all: ")]
        starts = [start for start, _, line in lines_of(text) if line.startswith("all: ")]
        assert [("K3" in one) for one in of_objects] == [False, True, False] and starts == sorted(set(starts))


def test_what_cannot_be_placed_stands_for_the_whole_passage() -> None:
    text = """['''it's } 1''', {"part": "K2"}]"""
    assert lines_of(text)[1] == (0, len(text), "part K2")


def test_what_is_no_record_is_not_taken_for_one() -> None:
    for text in ("", "The pump weighs 38 kg.", "[1] is a citation]", "{not json}", '"text"', "[" * 5000 + "]" * 5000):
        assert parsed_record(text) is None


def test_a_row_of_a_table_is_read_with_its_columns() -> None:
    text = "Parts:\n\n| Part | Weight |\n| --- | ---: |\n| pump | 40 kg |\n| motor | 3 kg |\n\nEnd."
    rows = list(table_rows(text))
    assert [row.text for row in rows] == ["Part pump, Weight 40 kg", "Part motor, Weight 3 kg"]
    assert [text[row.start : row.end] for row in rows] == ["| pump | 40 kg |", "| motor | 3 kg |"]


def test_short_passages_are_evidence_whole_and_in_order() -> None:
    source = Source(["One is here. Two is there.", "Three."])
    assert [unit.text for unit in source.select("Three is one.")] == ["One is here.", "Two is there.", "Three."]


def test_of_long_passages_the_sentences_that_carry_the_claim_are_evidence() -> None:
    filler = [f"Sentence {n} speaks of the weather over the northern sea in the year {1900 + n}." for n in range(80)]
    text = " ".join([*filler[:40], "The new pump weighs 38 kg.", *filler[40:60], "It came from Ghent.", *filler[60:]])
    chosen = Source(["Nothing.", text]).select("The pump weighs 38 kg and came from Ghent.")
    told = [unit.text for unit in chosen]
    assert "The new pump weighs 38 kg." in told and "It came from Ghent." in told
    assert sum(len(one) + 1 for one in told) <= BUDGET
    assert all(text[unit.start : unit.end] == unit.text for unit in chosen if unit.passage == 1)


def test_a_sentence_without_an_end_is_cut_between_words() -> None:
    text = "word " * 2000
    units = Source([text]).units
    assert len(units) > 10
    assert all(text[unit.start : unit.end] == unit.text and len(unit.text) <= 360 for unit in units)


def test_objects_that_have_keys_in_common_are_tables() -> None:
    products = [{"name": "K2", "price": 40, "size": {"w": 3}}, {"name": "K3", "price": 50, "text": "It is new. " * 9}]
    beside: list[str] = []
    found = list(record_tables({"shop": "Spoke", "products": products, "by_year": {"2019": {"a": 1, "b": 2}}}, beside))
    assert found == [(["name", "price"], [["K2", "40"], ["K3", "50"]])]
    assert [text.split()[0] for text in beside] == ["shop", "size", "text", "a", "b"]
    keyed = {"Alma": {"mwh": 6118, "hours": 7200}, "Dagny": {"mwh": 5300, "hours": 7100}}
    assert [header for header, _ in record_tables(keyed, [])] == [["", "mwh", "hours"]]
    attributes = [{"name": "steam", "value": False}, {"name": "delay start", "value": True}]
    assert list(record_tables({"attributes": attributes}, [])) == []


def test_the_value_of_another_object_is_unsupported() -> None:
    source = Source([json.dumps([{"part": "K2", "tension": "440 N"}, {"part": "K3", "tension": "520 N"}])])
    assert misjoined("The tension of K3 is 440 N.", source) and not misjoined("The tension of K3 is 520 N.", source)
