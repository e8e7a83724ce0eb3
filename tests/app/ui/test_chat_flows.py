"""Real flows of the chat in a real browser. One answer serves several tests: each costs seconds."""

import io
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from ragstone.app.chats import Chats
from ragstone.app.feedback import FeedbackStore
from ragstone.retrieval.library import Library

QUESTION = "How is equipment locked out with padlock and tag?"
LONG = "Tell me everything about the blade inspection. <img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def page(visit: Callable[..., Any]) -> Any:
    """Somebody's browser, with an answer that has a citation of a PDF.

    `page.growth` is how its text grew, `page.stages` what a screen reader was told meanwhile.
    """
    page = visit()
    page.get_by_placeholder("Ask a question").fill(QUESTION)
    page.get_by_placeholder("Ask a question").press("Enter")
    stop_button(page).wait_for()
    page.growth, page.stages = [], []
    while not page.get_by_role("button", name="Ask again").count():
        for text in page.locator("article[aria-busy=true]").all_text_contents():
            if text and text not in page.growth:
                page.growth.append(text)
        page.stages += page.locator("[role=status]").all_text_contents()
        time.sleep(0.05)
    return page


def stop_button(page: Any) -> Any:
    return page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop")


def messages(served: Any) -> list[Any]:
    with Library(served.library) as library, library.database.reading() as db:
        owners = [row[0] for row in db.execute("SELECT DISTINCT owner FROM chats")]
        chats = Chats(library)
        return [m for owner in owners for chat in chats.of(owner) for m in chats.messages(chat)]


def test_words_come_while_the_rest_is_generated(page: Any) -> None:
    assert len(page.growth) >= 2
    assert len(page.growth[0]) < len(page.growth[-1])


def test_a_screen_reader_is_told_what_goes_on_and_then_each_sentence_its_source_and_its_support(page: Any) -> None:
    assert "Writing …" in page.stages
    article = page.locator("article")
    tree = article.aria_snapshot()
    assert tree.startswith('- article "Answer"')
    told = re.findall(r'text: (?=\w)|button "(Source 1): handbook/safety-manual|note "(Supported|Not su|Not sc)', tree)
    assert told[:3] == [("", ""), ("Source 1", ""), ("", "Supported")]
    expect(page.locator("article .mark.supported").first).to_have_accessible_description(re.compile("“.+” .handbook/"))
    assert article.get_attribute("aria-live") == "polite"
    page.locator("button.chip").first.click()
    page.locator("button.chip[aria-expanded=true]").first.wait_for()
    assert article.get_attribute("aria-live") == "off"  # else all of it would be read again
    page.locator("button.chip").first.click()
    page.locator("button.chip[aria-expanded=true]").first.wait_for(state="detached")


def test_every_sentence_has_a_sign_and_words_for_its_support(page: Any) -> None:
    marks = page.locator("article .mark")
    assert marks.count() >= 2
    for mark in marks.all():
        sign, label = mark.text_content(), mark.get_attribute("aria-label")
        assert sign[0] in "✓?–"
        assert label.startswith(("Supported", "Not supported", "Not scored"))
    assert page.get_by_text(re.compile(r"✓ \d+ supported")).count()


def test_a_citation_opens_the_page_with_the_words_marked_and_survives_a_rerun(page: Any) -> None:
    chip = page.locator("button.chip").first
    assert re.match(r"Source 1: handbook/safety-manual\.pdf, page \d", chip.get_attribute("aria-label"))
    chip.focus()
    page.keyboard.press("Enter")
    image = page.locator("[data-testid=stImage] img")
    image.wait_for()
    page.wait_for_function("document.querySelector('[data-testid=stImage] img').naturalWidth > 0")
    shown = page.request.get(image.evaluate("image => image.src"))
    pixels = Image.open(io.BytesIO(shown.body())).convert("RGB")
    yellow = sum(r > 230 and 200 < g < 250 and b < 130 for r, g, b in pixels.get_flattened_data())
    assert yellow > 1000
    assert chip.get_attribute("aria-expanded") == "true"
    page.get_by_role("button", name="This source is wrong").click()
    page.get_by_text("Noted.").wait_for()
    assert image.is_visible()
    page.locator("[class*=st-key-source]").get_by_role("button", name="Close").click()
    image.wait_for(state="detached")


def test_an_answer_explains_itself_and_can_be_corrected(page: Any, served: Any) -> None:
    page.get_by_text("Why this answer").click()
    page.get_by_role("button", name="Open source 1, place 1", exact=True).wait_for()
    page.get_by_text(re.compile("first word after .* whole answer after")).wait_for()
    page.get_by_role("button", name="Correct").click()
    page.get_by_label("What should the answer be?").fill("With a padlock.")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("Kept in the library").wait_for()
    with Library(served.library) as library:
        (said,) = [one for one in FeedbackStore(library).all() if one.kind == "correction"]
    assert (said.text, said.question) == ("With a padlock.", QUESTION)
    page.get_by_role("button", name="Correct").click()
    page.get_by_label("What should the answer be?").wait_for(state="detached")


def test_another_person_does_not_see_the_chat_unless_it_is_shared(page: Any, visit: Callable[..., Any]) -> None:
    other = visit("/" + page.url.rsplit("/", 1)[1])
    other.get_by_text("There is no such chat").wait_for()
    assert not other.get_by_role("button", name=QUESTION).count()
    assert not other.get_by_text(QUESTION).count()
    other.context.close()


def test_feedback_stop_and_reload_during_generation_lose_nothing(page: Any, served: Any) -> None:
    page.get_by_placeholder("Ask a question").fill(LONG)
    page.get_by_placeholder("Ask a question").press("Enter")
    stop_button(page).wait_for()
    page.locator("[data-testid=stFeedback] button").first.click()
    page.get_by_text("Noted.", exact=True).wait_for()
    page.reload()
    second = page.context.new_page()
    second.goto(page.url)
    second.locator("article[aria-busy=true]").wait_for()
    before = second.locator("article[aria-busy=true]").text_content()
    stop_button(page).click()
    page.get_by_text("Stopped. This is what there was.").wait_for()
    second.get_by_text("Stopped. This is what there was.").wait_for()
    kept = messages(served)[-1]
    assert (kept.question, kept.state) == (LONG, "stopped")
    assert kept.answer["answer"]
    assert before
    assert page.get_by_text(QUESTION).count()
    assert page.locator("article").count() == 2
    assert not page.locator("img[src=x]").count()
    second.close()
    with Library(served.library) as library:
        said = {(one.kind, one.citation) for one in FeedbackStore(library).all()}
    assert said == {("good", None), ("correction", None), ("wrong source", 1)}


def test_asking_again_puts_the_answers_after_it_aside(page: Any, served: Any) -> None:
    page.get_by_role("button", name="Ask again").last.click()
    stop_button(page).click()
    page.get_by_text("Stopped. This is").wait_for()
    assert [m.question for m in messages(served)] == [QUESTION, LONG]


def test_nothing_is_asked_of_another_host(page: Any, served: Any) -> None:
    assert served.asked_elsewhere == []
