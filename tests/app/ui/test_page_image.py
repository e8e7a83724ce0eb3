import io
import os
from pathlib import Path

import pytest
from PIL import Image

from ragstone.app.ui.page_image import page_image
from ragstone.app.ui.sources import cited_places, places_of
from ragstone.errors import ParseError

MANUAL = Path("handbook/safety-manual.pdf")


def yellow(png: bytes) -> int:
    pixels = Image.open(io.BytesIO(png)).convert("RGB").get_flattened_data()
    return sum(r > 230 and 200 < g < 250 and b < 130 for r, g, b in pixels)


def test_the_place_is_marked_and_nothing_where_none_is_known(samples: Path):
    rect = (72.0, 200.0, 300.0, 212.0)
    marked, bare = page_image(samples / MANUAL, 2, [rect]), page_image(samples / MANUAL, 2, [])
    assert yellow(marked) > 5000
    assert yellow(bare) == 0


def test_a_part_of_a_page_is_lower_and_holds_the_place(samples: Path):
    rect = (72.0, 200.0, 300.0, 212.0)
    whole, part = (page_image(samples / MANUAL, 2, [rect], whole=whole) for whole in (True, False))
    assert Image.open(io.BytesIO(part)).height < Image.open(io.BytesIO(whole)).height / 2
    assert yellow(part) == pytest.approx(yellow(whole), rel=0.1)


def test_a_file_that_is_no_pdf_is_an_error_with_a_remedy(tmp_path: Path):
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 nothing more")
    with pytest.raises(ParseError, match=r"page 1 cannot be drawn\. Read the text"):
        page_image(broken, 1, [])


def test_a_document_named_like_a_module_is_not_run_by_what_draws(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "json.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    assert page_image(samples / MANUAL, 2, [])


def test_what_draws_reaches_no_network_and_starts_no_program(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A PDF that took over the library which draws it."""
    (tmp_path / "pypdfium2.py").write_text(
        "import os, pathlib, socket\n"
        "for attempt in (lambda: os.system('true'), lambda: socket.socket(), os.fork):\n"
        "    try:\n        attempt()\n"
        "    except PermissionError as error:\n"
        f"        with open({str(tmp_path / 'refused')!r}, 'a') as file: file.write(f'{{error}}\\n')\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}".rstrip(":"))
    with pytest.raises(ParseError, match="cannot be drawn"):
        page_image(samples / MANUAL, 1, [])
    assert len((tmp_path / "refused").read_text().splitlines()) == 3


def test_a_citation_leads_to_the_words_that_carry_its_own_sentence():
    def quote(n: int, start: int) -> dict[str, object]:
        at = {"n": n, "document": "a.pdf", "document_id": 3, "char_start": start, "char_end": start + 2, "quote": "xy"}
        return at | {"page": 1}

    hits = [
        {"rank": n, "document": "a.pdf", "document_id": 3, "char_start": 0, "char_end": 99, "text": "x"}
        for n in (1, 2, 3)
    ]
    answer = {
        "citations": [quote(1, 10), quote(2, 50)],
        "sentences": [
            {"citations": [1], "evidence": quote(1, 10)},
            {"citations": [1, 2], "evidence": quote(1, 30)},
            {"citations": [], "evidence": quote(2, 70)},
        ],
        "hits": hits,
    }
    found = cited_places(answer)
    assert {name: place.char_start for name, place in found.items()} == {"0-1": 10, "1-1": 30, "1-2": 50}
    assert [(p.label, p.char_start) for p in places_of(answer)] == [
        ("Source 1", 10),
        ("Source 1", 30),
        ("Source 2", 50),
        ("Passage 3", 0),
    ]
