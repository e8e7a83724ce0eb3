import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ragstone.app.engine import Ragstone
from ragstone.generation.citations import CitedText
from ragstone.generation.context import Passage

MakePassages = Callable[..., list[Passage]]

BATTERY = "The battery had a state of health of 96.2 percent in January 2022."
PUMP = "The pump was replaced in 2019 by Dr. Holm. It cost EUR 1,950."


def cite(text: str, passages: list[Passage]) -> CitedText:
    cited = CitedText("What happened?", passages)
    shown = cited.feed(text) + cited.finish()
    assert shown == cited.text
    return cited


def test_a_citation_that_holds_stays(passages: MakePassages) -> None:
    cited = cite("The pump was replaced in 2019 [2].", passages(BATTERY, PUMP))
    assert cited.text == "The pump was replaced in 2019 [2]."
    assert cited.sentences[0].verdict == "supported"


def test_a_number_that_names_no_passage_is_dropped(passages: MakePassages) -> None:
    cited = cite("The pump was replaced in 2019 [2][7].", passages(BATTERY, PUMP))
    assert cited.text == "The pump was replaced in 2019 [2]."


def test_a_wrong_citation_gives_way_to_the_passage_that_supports_the_sentence(passages: MakePassages) -> None:
    cited = cite("The pump was replaced in 2019 [1].", passages(BATTERY, PUMP))
    assert cited.sentences[0].citations == (2,)


def test_a_sentence_without_a_citation_gets_the_one_that_holds(passages: MakePassages) -> None:
    cited = cite("The state of health was 96.2 percent. It cost EUR 1950", passages(BATTERY, PUMP))
    assert cited.text == "The state of health was 96.2 percent [1]. It cost EUR 1950 [2]"


def test_a_sentence_that_nothing_supports_is_unsupported_and_gets_no_citation(passages: MakePassages) -> None:
    cited = cite("Unicorns graze behind the harbour.", passages(BATTERY, PUMP))
    assert cited.sentences[0].verdict == "unsupported"
    assert cited.text == "Unicorns graze behind the harbour."


def test_questions_and_refusals_are_unscored(passages: MakePassages) -> None:
    cited = cite("Shall I go on? I don't know.", passages(BATTERY, PUMP))
    assert [s.verdict for s in cited.sentences] == ["unscored", "unscored"]
    assert [s.support for s in cited.sentences] == [None, None]


def test_a_citation_after_the_full_stop_belongs_to_the_sentence_before(passages: MakePassages) -> None:
    cited = cite("The state of health was 96.2 percent. [1] It cost EUR 1,950. [2]", passages(BATTERY, PUMP))
    assert [s.citations for s in cited.sentences] == [(1,), (2,)]


def test_words_come_as_they_are_written_and_no_raw_citation_is_shown(passages: MakePassages) -> None:
    cited = CitedText("What happened?", passages(BATTERY, PUMP))
    shown = [
        cited.feed(piece) for piece in ["The pump", " was replaced", " in 2019", " [", "9", "]", ".", " It", " cost"]
    ]
    assert shown[:3] == ["The pump", " was replaced", " in 2019"]
    assert shown[3:7] == ["", "", "", ""]
    assert "".join(shown) == "The pump was replaced in 2019 [2]. It cost"


@pytest.mark.parametrize("seed", range(20))
def test_the_text_is_the_same_however_the_words_arrive(passages: MakePassages, seed: int) -> None:
    words = "The state of health was 96.2 percent [1]. The pump was replaced in 2019. [2] It cost EUR 1,950.".split(" ")
    pieces = [words[0], *(f" {word}" for word in words[1:])]
    draw, cited, shown = random.Random(seed), CitedText("q", passages(BATTERY, PUMP)), ""
    while pieces:
        take = draw.randint(1, 3)
        shown += cited.feed("".join(pieces[:take]))
        del pieces[:take]
    shown += cited.finish()
    assert shown == cited.text
    assert shown == (
        "The state of health was 96.2 percent [1]. The pump was replaced in 2019 [2]. It cost EUR 1,950 [2]."
    )


def test_a_quote_is_a_slice_of_the_document_and_a_pdf_quote_has_its_rectangles(sample_library: Path) -> None:
    with Ragstone.open(sample_library, create=False) as rag:
        hits = rag.search("wind speed limit for work on a turbine in the safety manual", 8, "lexical")
        found = [Passage(n, hit) for n, hit in enumerate(hits, 1)]
        seen_pdf = False
        for passage in found:
            sentence = passage.hit.chunk.text.replace("\n", " ")
            cited = CitedText("q", [passage])
            cited.feed(sentence)
            cited.finish()
            for citation in cited.citations(rag.library):
                text = rag.library.text(citation.document_id)
                assert text[citation.char_start : citation.char_end] == citation.quote != ""
                if citation.document.endswith(".pdf"):
                    seen_pdf = True
                    assert citation.page is not None
                    assert citation.rects
                    assert all(0 <= x0 < x1 <= 612 and 0 <= y0 < y1 <= 842 for x0, y0, x1, y1 in citation.rects)
        assert seen_pdf
