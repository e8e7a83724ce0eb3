import pytest

from ragstone.generation.grounding.values import Clock, Date, Number, Reading, covers, values


def meanings(text: str) -> list[set[Reading]]:
    return [set(value.readings) for value in values(text)]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("13,90", {"13.9"}),
        ("1390", {"1390"}),
        ("£1,150.00", {"1150"}),
        ("1.150,00 Euro", {"1150"}),
        ("1.250", {"1250", "1.25"}),
        ("1,250", {"1250", "1.25"}),
        ("1,234,567.8", {"1234567.8"}),
        ("1'250", {"1250"}),
        ("1\u00a0250,5", {"1250.5"}),
        ("0.125", {"0.125"}),
        ("2.0", {"2"}),
        ("38kg", {"38"}),
        ("the 5th", {"5"}),
        ("1.2.3", {"1.2.3"}),
        ("Twelve", {"12"}),
        ("ninety-nine", {"99"}),
        ("forty two", {"42"}),
        ("two hundred", {"200"}),
    ],
)
def test_a_number_means_what_its_separators_can_mean(text: str, digits: set[str]) -> None:
    assert meanings(text) == [{Number(one) for one in digits}]


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("2019-09-02", {Date(2019, 9, 2)}),
        ("02.09.2019", {Date(2019, 9, 2)}),
        ("02/09/2019", {Date(2019, 9, 2), Date(2019, 2, 9)}),
        ("13/09/2019", {Date(2019, 9, 13)}),
        ("9/13/2019", {Date(2019, 9, 13)}),
        ("2 September 2019", {Date(2019, 9, 2)}),
        ("2nd of Sept. 2019", {Date(2019, 9, 2)}),
        ("September 2, 2019", {Date(2019, 9, 2)}),
        ("2 May", {Date(None, 5, 2)}),
        ("June 2023", {Date(2023, 6, None)}),
        ("in May", {Date(None, 5, None)}),
    ],
)
def test_a_date_means_the_day_however_it_is_written(text: str, dates: set[Reading]) -> None:
    assert meanings(text) == [dates]


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("14:00", {Clock(14, 0, None)}),
        ("2 pm", {Clock(14, 0, None)}),
        ("2:30 p.m.", {Clock(14, 30, None)}),
        ("12 am", {Clock(0, 0, None)}),
        ("2 o'clock", {Clock(2, 0, None), Clock(14, 0, None)}),
        ("02:00", {Clock(2, 0, None)}),
        ("12:15", {Clock(0, 15, None), Clock(12, 15, None)}),
        ("23:59:07", {Clock(23, 59, 7)}),
    ],
)
def test_an_hour_means_the_time_of_day_on_either_clock(text: str, hours: set[Reading]) -> None:
    assert meanings(text) == [hours]


def test_a_date_with_its_hour_is_both() -> None:
    assert meanings("Date: 2023-06-26T10:14:05+02:00") == [
        {Date(2023, 6, 26)},
        {Clock(10, 14, 5), Clock(22, 14, 5)},
    ]


@pytest.mark.parametrize("text", ["K3 may march on", "a second hand", "May he rest", "ones and tenths", ""])
def test_other_words_are_no_values(text: str) -> None:
    assert values(text) == ()


def test_no_day_of_the_calendar_is_no_date() -> None:
    assert all(isinstance(reading, Number) for found in meanings("31/02/2020 and 45.60.2020") for reading in found)


def test_values_keep_their_place() -> None:
    text = "On 2 September 2019, twelve of 1,150.00 were gone by 2 pm, all told."
    assert [text[v.start : v.end] for v in values(text)] == ["2 September 2019", "twelve", "1,150.00", "2 pm"]


def test_what_says_more_covers_what_says_less_of_the_same() -> None:
    assert covers(Date(2023, 6, 26), Date(2023, 6, None))
    assert not covers(Date(2023, 6, None), Date(2023, 6, 26))
    assert not covers(Date(2023, 6, 26), Date(2023, 6, 25))
    assert not covers(Clock(2, 0, None), Number("2"))
