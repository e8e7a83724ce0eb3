import json

import pytest

from ragstone.generation.grounding.evidence import Source
from ragstone.generation.grounding.opening_hours import other_hours

WEEK = {
    **dict.fromkeys(("Monday", "Tuesday", "Thursday"), "11:0-19:30"),
    "Friday": "11:0-21:0",
    "Saturday": "10:30-0:0",
    "Sunday": None,
}


def wrong(claim: str, *records: object) -> list[str]:
    source = Source([json.dumps({"name": "Museum", "hours": record}) for record in records or (WEEK,)])
    return [claim[start:end] for start, end in other_hours(claim, source.hours)] if source.hours else []


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        (
            "It is open from 11 AM to 7:30 PM on Monday and from 10 AM to 9 PM on Friday.",
            ["from 10 AM to 9 PM on Friday"],
        ),
        ("It is open Monday to Thursday from 11:00 to 19:30.", ["Monday to Thursday"]),
        ("The museum is open seven days a week.", ["seven days a week"]),
        ("It opens at 11 AM daily.", ["daily"]),
        ("It opens on weekends from 10:30 AM to midnight.", ["weekends"]),
        ("It is open from 9 AM to 5 PM.", ["9 AM to 5 PM"]),
        ("It is closed on Fridays.", ["Fridays"]),
        ("It opens at noon on Monday, Tuesday and Thursday.", ["opens at noon on Monday, Tuesday and Thursday"]),
    ],
)
def test_days_and_times_that_the_record_does_not_have_are_told(claim: str, told: list[str]):
    assert [one.removeprefix("from ") for one in wrong(claim)] == [one.removeprefix("from ") for one in told]


@pytest.mark.parametrize(
    "claim",
    [
        "It is open from 11 AM to 7:30 PM on Monday, Tuesday and Thursday, until 9 PM on Friday, and from 10:30 AM to "
        "midnight on Saturday.",
        "Open Monday and Tuesday 11:00-19:30, Fri 11:00-21:00.",
        "It closes at 7:30 PM on most days.",
        "It is open daily except on Wednesdays and Sundays.",
        "It is closed on Sundays.",
        "It opens at 11 AM on Monday and closes at 7:30 PM, with a later closing time of 9 PM on Friday.",
        "One customer waited from 10 to 11 AM on Friday.",
        "It is open from 11 AM to 9 PM.",
        "It is open daily from Monday to Friday.",
        "Apart from Wednesday and Sunday, it is open every day.",
        "The exhibition is open until 12 May, and grades 5 to 12 come on Monday.",
        "Open 11 AM to 7:30 PM on Monday, Wednesday closed.",
        "On Monday it is still open at 6 PM.",
        "In the night from Saturday to Sunday it closes at 2 AM.",
    ],
)
def test_days_and_times_of_the_record_are_not(claim: str):
    assert wrong(claim) == []


def test_of_two_records_with_other_hours_nothing_is_told():
    assert wrong("It is open daily.", WEEK, dict.fromkeys(WEEK, "9:00-17:00")) == []


def test_other_times_in_the_record_may_be_meant():
    record = {"hours": WEEK, "cafe": "8:00-16:00"}
    assert Source([json.dumps(record)]).hours is None
    assert Source([json.dumps({"hours": WEEK, "date": "2022-01-04 19:39:55"})]).hours is not None
    assert Source([json.dumps({"yoga": {"Monday": "18:00-19:00", "Friday": "18:00-19:00"}})]).hours is None


@pytest.mark.parametrize("hours", ["10am - 8pm", "10:00 AM–8:00 PM", "10:00 to 20:00", ["10:00", "20:00"]])
def test_hours_are_read_however_they_are_written(hours: object):
    week = dict.fromkeys(("Friday", "Saturday"), hours)
    assert wrong("It is open on Saturday from 10 AM to 8 PM.", week) == []
    assert len(wrong("It is open on Saturday from 10 AM to 9 PM.", week)) == 1


@pytest.mark.parametrize(
    "week",
    [
        {"weekdays": "9:00-18:00", "saturday": "10:00-14:00"},
        {"mon_fri": "9am-6pm", "sat": ["10:00", "14:00"], "sun": "closed"},
        {"monday_to_friday": {"open": "09:00", "close": "18:00"}, "saturday": {"open": "10:00", "close": "14:00"}},
        [{"days": "Mon-Fri", "hours": "9:00-18:00"}, {"days": "Sat", "hours": "10:00-14:00"}],
        [
            {
                "dayOfWeek": [f"https://schema.org/{day}day" for day in ("Mon", "Tues", "Wednes")],
                "opens": "9:00",
                "closes": "18:00",
            },
            {"@type": "x", "dayOfWeek": ["Thursday", "Friday"], "opens": "09:00", "closes": "18:00"},
            {"dayOfWeek": "Saturday", "opens": "10:00", "closes": "14:00"},
            {"dayOfWeek": "Sunday", "closed": True},
        ],
    ],
)
def test_a_week_is_read_in_other_layouts(week: object):
    assert wrong("It is open on Friday from 9 AM to 6 PM and on Saturday from 10 AM to 2 PM.", week) == []
    assert wrong("It is open on weekdays until 6 PM.", week) == []
    assert len(wrong("It is open on Friday from 9 AM to 8 PM.", week)) == 1
    assert wrong("It is open on Sundays.", week) == ["Sundays"]


def test_of_a_day_that_is_given_twice_no_hours_are_known():
    week = [
        {"day": "Mon", "hours": "9:00-12:00"},
        {"day": "Mon", "hours": "14:00-18:00"},
        {"day": "Tue", "hours": "9:00-18:00"},
    ]
    assert wrong("It is open on Monday from 9 AM to 6 PM.", week) == []
    assert len(wrong("It is open on Tuesday from 9 AM to 5 PM.", week)) == 1


def test_hours_that_are_not_clear_decide_nothing():
    week = dict.fromkeys(("Friday", "Saturday"), "9-5")
    assert wrong("It is open on Saturday from 10 AM to 9 PM.", week) == []


def test_hours_are_read_as_opening_and_closing_times_too():
    week = {day: {"open": "09:00", "close": "18:30"} for day in ("mon", "tue", "wed")}
    assert wrong("It is open Monday through Wednesday from 9 AM to 6:30 PM.", week) == []
    assert len(wrong("It is open Monday through Wednesday from 9 AM to 6 PM.", week)) == 1
