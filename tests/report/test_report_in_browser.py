"""The report in a real Chromium, as it is opened from disk."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def file(html: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html, "utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_renders_without_a_request_an_error_or_a_sideways_scroll(chromium: Any, file: Path, width: int, scheme: str):
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    assert page.title() == "Not all right: Ragstone report 2026-11-24"  # no script of a document changed it
    assert (said, requests) == ([], [file.as_uri()])
    assert page.evaluate("document.documentElement.scrollWidth") == width

    cells = "[...document.querySelectorAll('td, th')]"
    too_wide = f"{cells}.filter(c => c.scrollWidth > c.clientWidth + 1).map(c => c.innerText)"
    assert page.evaluate(too_wide) == []

    verdict = page.locator("#verdict")
    assert verdict.bounding_box()["y"] + verdict.bounding_box()["height"] < 900  # on the first screen
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
    line = page.locator("figure svg path[stroke^='var']").first
    assert (
        line.evaluate("e => getComputedStyle(e).stroke")
        == {"light": "rgb(10, 86, 176)", "dark": "rgb(122, 184, 255)"}[scheme]
    )
    page.close()


def test_it_can_be_read_without_seeing_it(chromium: Any, file: Path):
    page = chromium.new_page()
    page.goto(file.as_uri())
    for role in ("main", "banner", "navigation", "contentinfo"):
        assert page.get_by_role(role).count() == 1, role
    headings = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(e => +e.tagName[1])")
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(headings))
    for check in (
        "[...document.querySelectorAll('table')].every(t => t.caption && t.caption.textContent.trim())",
        "[...document.querySelectorAll('th')].every(h => ['col', 'row'].includes(h.scope))",
        "[...document.querySelectorAll('svg')].every(s => s.getAttribute('role') == 'img' && s.ariaLabel)",
        "[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.hash))",
        "(ids => new Set(ids).size == ids.length)([...document.querySelectorAll('[id]')].map(e => e.id))",
    ):
        assert page.evaluate(check), check
    marked = page.locator("mark").first
    assert marked.inner_text().startswith("✗ not supported:")  # in words and by a sign, not by colour alone
    page.close()


def test_print_shows_what_the_screen_folds_away(chromium: Any, file: Path):
    page = chromium.new_page()
    page.goto(file.as_uri())
    passage = page.locator("blockquote").first
    assert not passage.is_visible()
    page.emulate_media(media="print")
    assert passage.bounding_box()["height"] > 0
    assert not page.get_by_role("navigation").is_visible()
    page.close()
