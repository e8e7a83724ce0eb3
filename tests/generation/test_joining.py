import pytest

from ragstone.generation.grounding.evidence import Source
from ragstone.generation.grounding.joining import misjoined
from ragstone.generation.grounding.verifier import REFUTED, Verifier

PRICES = """Prices of May.

| Article no. | Description | Price EUR | Stock | Supplier |
| --- | --- | --- | --- | --- |
| 10021 | Hex bolt M8x40 zinc | 12,40 | 340 | Ferrum AG |
| 10022 | Hex bolt M8x50 zinc | 13,90 | 0 | Ferrum AG |
| 10032 | Hex nut M10 zinc | 6,35 | 900 | Schraubenhaus |
| 40100 | Safety helmet white | 11,50 | 55 | Brandt |
"""
ENERGY = """| Month | Hall A kWh | Hall B kWh | Cost EUR | Change (%) |
| --- | --- | --- | --- | --- |
| April 2023 | 33110 | 34200 | 20390 | 2.6 |
| August 2023 | 27860 | 31250 | 16260 | 11.4 |
| Total | 60970 | 65450 | 36650 |  |
"""
K2 = "## Compressor K2\n\n- Commissioned: 2017\n- Air filter: part no. BF-2215\n- Belt tension: 440 N"
K3 = "## Compressor K3\n\n- Commissioned: 2021\n- Air filter: part no. BF-3300\n- Direct drive, no belt"


def told(claim: str, *passages: str, question: str = "") -> list[str]:
    return [claim[start:end] for start, end in misjoined(claim, Source(passages), question)]


@pytest.mark.parametrize(
    ("claim", "apart"),
    [
        ("The price of hex bolt M8x50 is 12.40 EUR.", ["12.40"]),
        ("There are 340 safety helmets in stock.", ["340"]),
        ("The hex nut M10 costs 900 EUR.", ["900"]),
        ("In stock of hex bolt M8x40 are 12,40.", ["12,40"]),
    ],
)
def test_a_value_of_another_row_or_column_is_told(claim: str, apart: list[str]):
    assert told(claim, PRICES) == apart


def test_a_table_in_several_passages_is_one():
    header, line, april, august, total = ENERGY.splitlines()
    parts = [f"{header}\n{line}\n{row}\n" for row in (april, f"{august}\n{total}")]
    assert told("Hall B used 34200 kWh in August 2023.", *parts) == ["34200"]
    assert told("Hall B used 31250 kWh in August 2023.", *parts) == []


@pytest.mark.parametrize(
    ("claim", "with_header", "without"),
    [
        ("Alma produced 6,118 MWh in 2017.", ["6,118"], ["6,118"]),
        ("Alma produced 2,412 MWh in 2019.", [], []),
        ("Alma produced 2,412 MWh in 2020.", ["2,412"], []),
        ("In 2020 Cora produced 6,118 MWh.", ["6,118"], []),
        ("Cora produced 6,402 MWh in 2020, Alma 2,538 MWh.", [], []),
        ("Of the 8,530 MWh of 2019 Cora produced 6,118 MWh.", [], []),
    ],
)
def test_a_table_of_a_pdf_is_its_lines(claim: str, with_header: list[str], without: list[str]):
    rows = "Alma 2,412 2,538\nCora 6,118 6,402\nAll turbines 8,530 8,940\n\nThe wind was weak in both years.\n"
    assert told(claim, f"Two turbines stand there.\n\nProduction (MWh) 2019 2020\n{rows}") == with_header
    assert told(claim, f"Two turbines stand there.\n\n{rows}") == without


def test_where_no_number_is_said_the_names_are_told():
    assert "M10" in told("Ferrum AG supplies hex nut M10.", PRICES)


@pytest.mark.parametrize(
    "claim",
    [
        "The price of hex bolt M8x50 is 13.90 EUR.",
        "Schraubenhaus supplies hex nut M10 at 6.35 EUR and has 900 of them.",
        "There are 55 safety helmets in stock.",
        "Hex bolts M8x40 cost 12,40 and M8x50 cost 13,90 EUR.",
        "Hex bolt M8x50 costs more than hex nut M10 with its 6,35 EUR.",
        "Nothing of this costs 77 EUR.",
    ],
)
def test_what_a_row_joins_and_what_speaks_of_several_rows_stands(claim: str):
    assert told(claim, PRICES) == []


def test_a_column_is_told_by_what_only_its_heading_has():
    assert told("Hall A used 31250 kWh in August 2023.", ENERGY) == ["31250"]
    assert told("Hall B used 31250 kWh in August 2023.", ENERGY) == []
    assert told("In August 2023 the cost was 27,860 EUR.", ENERGY) == ["27,860"]


def test_totals_and_changes_are_said_of_what_they_are_made_of():
    assert told("Most of the 65,450 kWh were used in April 2023.", ENERGY) == []
    assert told("The cost fell by 11.4 % in August 2023.", ENERGY) == []
    assert told("The total of Hall B is 31250 kWh in April 2023.", ENERGY) == ["31250"]


def test_a_claim_with_a_number_of_something_else_is_left_alone():
    assert told("In August 2023 hall B used 34200 of the 99,999 kWh that the grid gave.", ENERGY) == []


def test_what_the_text_beside_a_table_says_stands():
    assert told("Hall B used 34200 kWh in August 2023.", ENERGY) == ["34200"]
    assert told("Hall B used 34200 kWh in August 2023.", ENERGY, "Corrected: Hall B, August, 34,200 kWh.") == []


def test_a_short_answer_is_held_against_its_question():
    question = "How much did hall B use in August 2023?"
    assert told("34200 kWh", ENERGY, question=question) == ["34200"]
    assert told("31250 kWh", ENERGY, question=question) == []
    assert told("34200 kWh", ENERGY) == []
    assert told("Ferrum AG", PRICES, question="Who supplies hex nut M10?") == ["Ferrum AG"]
    assert told("Schraubenhaus", PRICES, question="Who supplies hex nut M10?") == []


@pytest.mark.parametrize(
    ("claim", "apart"),
    [
        ("The belt tension of K3 is 440 N.", ["440"]),
        ("The belt tension of K2 is 440 N.", []),
        ("K3 was commissioned in 2017.", ["2017"]),
        ("K2 and K3 were commissioned in 2017 and 2021.", []),
        ("The air filter of K3 is BF-2215.", ["2215"]),
        ("The air filter of K2 is BF-2215.", []),
        ("The belt tension of K4 is 440 N.", ["440"]),
        ("The belt tension of pump P3 is 440 N.", []),
        ("The belt tension is 440 N.", []),
    ],
)
def test_what_stands_only_below_another_code_is_told(claim: str, apart: list[str]):
    assert told(claim, K2, K3) == apart


def test_the_verifier_takes_such_a_claim_for_unsupported_and_shows_the_value():
    claim = "The belt tension of K3 is 440 N."
    (found,) = Verifier().score([claim], [K2, K3])
    assert found.support == REFUTED
    assert any(claim[start:end] == "440" for start, end in found.unsupported)
    (right,) = Verifier().score(["The belt tension of K2 is 440 N."], [K2, K3])
    assert right.support is not None and right.support > 0.9


YEARS = """| Year | Employees | Revenue | Profit |
| --- | --- | --- | --- |
| 2020 | 812 | 145.2 | 12.0 |
| 2021 | 790 | 151.7 | 9.8 |
| 2022 | 845 | 168.3 | 11.4 |
"""
PLANS = """| Feature | Basic | Pro |
| --- | --- | --- |
| Price | 9 EUR | 29 EUR |
| Backup | weekly | daily |
| Users | 10 | 100 |
"""
TRAINS = "| Line | Departure | Platform |\n| --- | --- | --- |\n| S1 | 08:05 | 2 |\n| RB21 | 08:30 | 4 |\n"
PHONES = (
    "| Team | Name | Phone |\n| - | - | - |\n| Sales | Peters | 142 |\n| | Novak | 143 |\n| Stores | Weiss | 150 |\n"
)


@pytest.mark.parametrize(
    ("claim", "passages"),
    [
        ("The belt tension of K3 is not 440 N.", [K2, K3]),
        ("K3 has no belt; the 440 N are for another compressor.", [K2, K3]),
        ("K3 has a power of 55 kW.", ["Compressor K3 was bought in 2021. Unlike K2, it has a power of 55 kW."]),
        ("Q2 revenue was 140 million.", ["Q2 was strong. Revenue was 140 million, up from 120 million in Q1."]),
        ("K3 has 55 kW.", ["## K3\n\nText.\n\n### Differences to K2\n\nPower 55 kW."]),
        ("The S1 runs every 30 minutes from platform 2.", [TRAINS, "The S1 runs every 30 minutes."]),
        ("In 2021 there are 812 machines.", [YEARS, "A plant was opened in 2021.\n\nIt has 812 machines."]),
        ("Since 2020 revenue has grown to 168.3 million EUR.", [YEARS]),
        ("Before 2021 the company had 812 employees.", [YEARS]),
        ("Compared with 2020, profit was up at 11.4 million EUR.", [YEARS]),
        ("Pro has daily backup at 29 EUR.", [PLANS]),
        ("For 29 EUR Pro offers daily backup.", [PLANS]),
        ("Novak works in Sales, phone 143.", [PHONES]),
    ],
)
def test_denials_comparisons_and_other_ways_to_lay_a_table_out_stand(claim: str, passages: list[str]):
    assert told(claim, *passages) == []


def test_what_the_comparisons_of_years_leave_is_told():
    assert told("In 2021 revenue was 168.3 million EUR.", YEARS) == ["168.3"]
    assert told("Revenue of 2020 was 812 million EUR.", YEARS) == ["812"]
    assert told("Novak works in Stores, phone 143.", PHONES) == ["143"]
    assert told("The RB21 departs at 08:05.", TRAINS) == ["08:05"]


def test_a_question_that_is_apart_itself_tells_nothing_of_its_answer():
    assert told("Yes, it was.", YEARS, question="Was revenue 168.3 million EUR in 2021?") == []
