from collections.abc import Sequence
from typing import Any

import pytest
from lxml import html

from ragstone.app.ui.marks import answer_html, legend
from ragstone.app.ui.trust import trust
from ragstone.app.ui.words import plain, short


def sentence(text: str, start: int, verdict: str, **more: Any) -> dict[str, Any]:
    evidence = {"quote": "The <b>pump</b> cost EUR 900.", "document": "a/b/pump.pdf"}
    told = {"text": text, "start": start, "end": start + len(text), "verdict": verdict, "unsupported": ()}
    support = {"supported": 0.97, "unsupported": 0.1, "unscored": None}[verdict]
    return told | {"support": support, "evidence": None if verdict == "unscored" else evidence} | more


def answer(*sentences: tuple[str, str], **more: Any) -> dict[str, Any]:
    text, told = "", []
    for words, verdict in sentences:
        told.append(sentence(words, len(text), verdict))
        text += words + "\n"
    cited = [{"n": 1, "document": "a/b/pump.pdf", "page": 2}]
    known = {"answer": text, "abstained": False, "sentences": told, "citations": cited, "support": 0.8}
    return known | {"confidence": 0.9} | more


def parsed(told: dict[str, Any], opened: Sequence[str] = ()) -> Any:
    return html.fromstring(f"<div>{answer_html(told, opened)}</div>")


def test_a_citation_is_a_button_that_names_its_document_and_page():
    (chip,) = parsed(answer(("It cost EUR 900 [1].", "supported"))).xpath("//button")
    assert chip.get("aria-label") == "Source 1: b/pump.pdf, page 2"
    assert (chip.text, chip.get("data-cite"), chip.get("aria-expanded")) == ("1", "0-1", "false")
    (chip,) = parsed(answer(("It cost EUR 900 [1].", "supported")), opened=["0-1"]).xpath("//button")
    assert chip.get("aria-expanded") == "true"


def test_a_number_that_is_no_citation_stays_text():
    page = parsed(answer(("See [7] and [1].", "supported")))
    assert len(page.xpath("//button")) == 1
    assert "[7]" in page.text_content()


def test_each_sentence_has_a_mark_that_can_be_read_without_colour_and_reached_by_keyboard():
    told = answer(("It cost EUR 900 [1].", "supported"), ("It was blue.", "unsupported"), ("Well.", "unscored"))
    marks = parsed(told).xpath("//span[@role='note']")
    assert [mark.xpath("string(span[1])") for mark in marks] == ["✓", "? not supported", "– not scored"]
    assert all(mark.get("tabindex") == "0" for mark in marks)
    names = ["Supported (97%)", "Not supported by the passages", "Not scored"]
    assert [mark.get("aria-label") for mark in marks] == names
    assert why(marks[0]) == "“The <b>pump</b> cost EUR 900.” (b/pump.pdf)"
    assert all(mark.xpath("string(span[2])") == f"{mark.get('aria-label')}: {why(mark)}" for mark in marks)
    assert legend(told) == "✓ 1 supported · ? 1 not supported · – 1 not scored"


def test_the_mark_names_the_words_that_no_passage_carries():
    told = answer(("It was blue.", "unsupported"))
    told["sentences"][0]["unsupported"] = ((7, 11),)
    (mark,) = parsed(told).xpath("//span[@role='note']")
    assert "no passage says “blue”." in why(mark)
    told["sentences"][0]["elsewhere"] = ((7, 11),)
    (mark,) = parsed(told).xpath("//span[@role='note']")
    assert "the passages say “blue” of something else, or otherwise." in why(mark)
    assert "no passage says" not in why(mark)


def why(mark: Any) -> str:
    """The description of a mark: the text of what it refers to."""
    return str(mark.xpath("string(//*[@id = $id])", id=mark.get("aria-describedby")))


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://example.org/x.png)",
        "[x](javascript:alert(1))",
        "<https://example.org>",
        "[x]: https://example.org 'y'\n\n[x]",
        "<iframe src='//example.org'></iframe>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "\u2e280.1\u2e29 \u2e2899\u2e29",
        '"><svg onload=alert(1)>',
    ],
)
def test_nothing_in_a_text_runs_or_is_loaded(hostile: str):
    told = answer((hostile, "supported"), ("Fine.", "supported"))
    told["citations"][0]["document"] = told["sentences"][0]["evidence"]["document"] = hostile
    told["sentences"][0]["evidence"]["quote"] = hostile
    page = parsed(told)
    allowed = {"div", "p", "button", "span", "ul", "ol", "li", "code", "pre"}
    assert {element.tag for element in page.iter()} <= allowed
    names = {name for element in page.iter() for name in element.attrib}
    assert names <= {
        "class",
        "type",
        "data-cite",
        "aria-describedby",
        "aria-expanded",
        "aria-label",
        "aria-hidden",
        "id",
        "title",
        "role",
        "tabindex",
    }


def test_lists_tables_bold_and_code_keep_their_shape_with_marks():
    told = answer(
        ("- **Bold.**", "supported"),
        ("- Two [1].", "unsupported"),
        ("\n| a | b |\n| --- | --- |", "unscored"),
        ("| 1 | 2 [1] |", "supported"),
        ("\n```\nx = 1\n```", "unscored"),
    )
    page = parsed(told)
    assert [b.text for b in page.xpath("//li/strong")] == ["Bold."]
    assert len(page.xpath("//td")) == 2
    assert page.xpath("string(//pre)") == "x = 1\n"
    assert len(page.xpath("//td//button")) == 1
    assert len(page.xpath("//span[contains(@class, 'mark')]")) == 3


def test_an_unfinished_answer_is_shown_with_the_sentences_there_are():
    told = answer(("It cost EUR 900 [1].", "supported"))
    told["answer"] += "And then it"
    assert "And then it" in parsed(told).text_content()


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["supported", "supported"], "Supported (2 of 2)"),
        (["supported", "unsupported", "unscored"], "Partly supported (1 of 2)"),
        (["unsupported"], "Not supported"),
        (["unscored"], "Not checked"),
    ],
)
def test_the_badge_says_how_many_sentences_stand(verdicts: list[str], words: str):
    told = trust(answer(*(("Words.", verdict) for verdict in verdicts)))
    assert told.words == words
    assert any("hold the answer with a probability of 90%" in sentence for sentence in told.why)
    assert any("right with a probability of about 80%" in sentence for sentence in told.why)


def test_a_sentence_that_could_not_be_scored_says_why_and_so_does_the_badge():
    told = answer(("The notice is three months.", "unscored"), ("Well.", "unscored"))
    told["sentences"][0]["why"] = "a passage is in another language"
    marks = parsed(told).xpath("//span[@role='note']")
    assert list(map(why, marks)) == ["a passage is in another language", "it states nothing that could be checked"]
    badge = trust(told)
    assert badge.words == "Not checked"
    assert "Not checked: 1 of 2 sentences; a passage is in another language." in badge.why
    assert not any("states anything" in sentence for sentence in badge.why)


def test_another_figure_elsewhere_is_shown_at_the_sentence_and_told_by_the_badge():
    told = answer(("It cost EUR 900 [1].", "supported"), ("It is new.", "supported"))
    told["sentences"][0]["differing"] = [{"quote": "The pump cost <EUR 950>.", "document": "a/b/invoice.pdf"}]
    marks = parsed(told).xpath("//span[@role='note']")
    assert [mark.xpath("string(span[1])") for mark in marks] == ["✓ another figure elsewhere", "✓"]
    assert why(marks[0]).endswith("Another document has another figure: “The pump cost <EUR 950>.” (b/invoice.pdf)")
    assert "Another document has another figure than 1 sentence." in trust(told).why


def test_the_badge_of_an_abstention_says_so_and_that_words_were_withdrawn():
    told = trust(answer(("No.", "unscored"), abstained=True, withdrawn=True))
    assert told.words == "No answer"
    assert any("withdrawn" in sentence for sentence in told.why)
    assert legend(answer(("No.", "unscored"), abstained=True)) == ""


def test_names_are_shown_as_they_are_and_short():
    assert plain("a_b*[x](y)\n :red[z]") == r"a\_b\*\[x\]\(y\) \:red\[z\]"
    assert short("/home/me/docs/legal/lease.pdf") == "legal/lease.pdf"
    assert short("lease.pdf") == "lease.pdf"
