import dataclasses
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ragstone.app.engine import Ragstone
from ragstone.generation.citations import CitedText
from ragstone.generation.context import Passage
from ragstone.generation.grounding import default_scorer
from ragstone.generation.grounding.overlap import Overlap
from ragstone.generation.grounding.scoring import Evidence, Scorer

MakePassages = Callable[..., list[Passage]]

BATTERY = "The battery had a state of health of 96.2 percent in January 2022."
PUMP = "The pump was replaced in 2019 by Dr. Holm. It cost EUR 1,950."


def cite(text: str, passages: list[Passage]) -> CitedText:
    cited = CitedText("What happened?", passages, default_scorer())
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


def test_words_that_the_passages_say_of_something_else_are_told_from_those_that_none_has(
    passages: MakePassages,
) -> None:
    second = "## Compressor K2\n\n- Belt tension: 440 N\n- Commissioned by Eleanor Finch"
    third = "## Compressor K3\n\n- Direct drive, no belt\n- Commissioned in 2021"
    of_another, of_none = cite(
        "The belt tension of K3 is 440 N. The belt tension of K2 is 517 N.", passages(second, third)
    ).sentences
    assert (of_another.verdict, of_none.verdict) == ("unsupported", "unsupported")
    assert [of_another.text[start:end] for start, end in of_another.elsewhere] == ["440"]
    assert of_another.unsupported == of_another.elsewhere
    assert [of_none.text[start:end] for start, end in of_none.unsupported] == ["517 N"]
    assert of_none.elsewhere == ()


def test_questions_and_refusals_are_unscored(passages: MakePassages) -> None:
    cited = cite("Shall I go on? I don't know.", passages(BATTERY, PUMP))
    assert [s.verdict for s in cited.sentences] == ["unscored", "unscored"]
    assert [s.support for s in cited.sentences] == [None, None]


def test_a_citation_after_the_full_stop_belongs_to_the_sentence_before(passages: MakePassages) -> None:
    cited = cite("The state of health was 96.2 percent. [1] It cost EUR 1,950. [2]", passages(BATTERY, PUMP))
    assert [s.citations for s in cited.sentences] == [(1,), (2,)]


def test_words_come_as_they_are_written_and_no_raw_citation_is_shown(passages: MakePassages) -> None:
    cited = CitedText("What happened?", passages(BATTERY, PUMP), default_scorer())
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
    draw, cited, shown = random.Random(seed), CitedText("q", passages(BATTERY, PUMP), default_scorer()), ""
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
            cited = CitedText("q", [passage], default_scorer())
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


FOREIGN = "Unicorns graze behind the harbour."
ANSWER = (
    f"{FOREIGN} The pump was replaced in 2019. [1] It cost:\n\n- {FOREIGN}\n- EUR 1,950 [9]\n\n"
    "| A | B |\n|---|---|\n| 1 | 2 |"
)


def strictly(text: str, passages: list[Passage]) -> CitedText:
    cited = CitedText("What happened?", passages, default_scorer(), strict=True)
    shown = cited.feed(text) + cited.finish()
    assert shown == cited.text
    return cited


def test_every_sentence_says_where_it_stands(passages: MakePassages) -> None:
    for cited in (cite(ANSWER, passages(BATTERY, PUMP)), strictly(ANSWER, passages(BATTERY, PUMP))):
        assert cited.sentences
        for sentence in cited.sentences:
            assert cited.text[sentence.start : sentence.end] == sentence.text


def test_a_supported_sentence_carries_the_place_that_supports_it(passages: MakePassages) -> None:
    evidence = cite("The pump was replaced in 2019 by Dr. Holm.", passages(BATTERY, PUMP)).sentences[0].evidence
    assert evidence is not None
    assert (evidence.n, evidence.document, evidence.chunk_id) == (2, "manual.txt", 2)
    assert (
        PUMP[evidence.char_start : evidence.char_end] == evidence.quote == "The pump was replaced in 2019 by Dr. Holm."
    )


def test_of_two_cited_passages_only_the_one_that_supports_the_sentence_stays(passages: MakePassages) -> None:
    cited = cite("The pump was replaced in 2019 by Dr. Holm [1][2].", passages(BATTERY, PUMP))
    assert cited.text == "The pump was replaced in 2019 by Dr. Holm [2]."


def test_a_passage_that_carries_a_sentence_is_cited_beside_another_that_supports_it(passages: MakePassages) -> None:
    sentence = "The pump was replaced in 2019 by Dr. Holm."
    assert set(cite(f"{sentence} [2]", passages(PUMP, sentence)).sentences[0].citations) >= {2}


def test_passages_that_support_a_sentence_only_together_are_cited_together(passages: MakePassages) -> None:
    given = passages("The pump was replaced in 2019.", "The motor was replaced in 2021.")
    cited = CitedText("What happened?", given, Overlap())  # no other scorer is sure of half a sentence
    cited.feed("The pump was replaced in 2019 and the motor in 2021 [1].")
    cited.finish()
    assert set(cited.sentences[0].citations) == {1, 2}


MAY, JUNE = (
    "The board approved the purchase of a second oven for the canteen.",
    "The board discussed the parking rules.",
)


def titled(passage: Passage, title: str) -> Passage:
    chunk = dataclasses.replace(passage.hit.chunk, title=title)
    return dataclasses.replace(passage, hit=dataclasses.replace(passage.hit, chunk=chunk))


@pytest.mark.parametrize(("month", "verdict"), [("May", "supported"), ("June", "unsupported")])
def test_the_title_of_one_passage_does_not_vouch_for_what_another_says(
    passages: MakePassages, month: str, verdict: str
) -> None:
    may, june = passages(MAY, JUNE)
    given = [titled(may, "Minutes of May"), titled(june, "Minutes of June")]
    cited = cite(f"The minutes of {month} approved the purchase of a second oven for the canteen.", given)
    assert cited.sentences[0].verdict == verdict
    assert cited.sentences[0].citations == ((1,) if verdict == "supported" else ())


def test_the_machine_that_the_question_names_must_stand_in_the_passages(passages: MakePassages) -> None:
    given = [titled(passages("The belt tension is 440 N.")[0], "Compressor K2")]
    for machine, verdict in (("K2", "supported"), ("K3", "unsupported")):
        cited = CitedText(f"What is the belt tension of compressor {machine}?", given, default_scorer())
        cited.feed(f"The belt tension of compressor {machine} is 440 N.")
        cited.finish()
        assert cited.sentences[0].verdict == verdict


def test_a_short_answer_is_held_against_its_question_and_not_against_the_titles(passages: MakePassages) -> None:
    table = "| Month | Hall A kWh | Hall B kWh |\n| - | - | - |\n| June | 28990 | 34410 |\n| July | 29530 | 36020 |"
    given = [titled(passages(table)[0], "Minutes of June")]
    for answer, verdict in (("36020 kWh.", "supported"), ("34410 kWh.", "unsupported")):
        cited = CitedText("How much did hall B use in July?", given, default_scorer())
        cited.feed(answer)
        cited.finish()
        assert cited.sentences[0].verdict == verdict


def test_a_table_s_citation_stands_in_its_last_cell_and_code_keeps_its_brackets(passages: MakePassages) -> None:
    table = "| Event | Year |\n|---|---|\n| The pump was replaced | 2019 |"
    text = cite(f"{table}\n\n```\nx = a[1]\n```", passages(PUMP)).text
    assert text == "| Event | Year |\n|---|---|\n| The pump was replaced | 2019 [1] |\n\n```\nx = a[1]\n```"


def test_an_answer_that_only_points_at_passages_states_nothing(passages: MakePassages) -> None:
    assert not cite("Passage [1]", passages(BATTERY, PUMP)).states_something
    assert cite("In 2019 [2].", passages(BATTERY, PUMP)).states_something


def test_a_strict_text_leaves_unsupported_sentences_out_and_tells_them(passages: MakePassages) -> None:
    cited = strictly(f"{FOREIGN} The pump was replaced in 2019 by Dr. Holm. {FOREIGN}", passages(BATTERY, PUMP))
    assert cited.text == "The pump was replaced in 2019 by Dr. Holm [2]."
    assert [sentence.text for sentence in cited.removed] == [FOREIGN, FOREIGN]
    assert not strictly(FOREIGN, passages(BATTERY, PUMP)).states_something


def test_what_introduces_nothing_that_is_left_goes_too(passages: MakePassages) -> None:
    answer = (
        f"## Animals\nThere are:\n- {FOREIGN}\n\n## The pump\nIts story:\n- The pump was replaced in 2019 by Dr. Holm."
    )
    text = strictly(answer, passages(BATTERY, PUMP)).text
    assert text == "## The pump\nIts story:\n- The pump was replaced in 2019 by Dr. Holm [2]."


def test_a_strict_text_shows_no_word_of_a_sentence_before_it_is_checked(passages: MakePassages) -> None:
    cited = CitedText("What happened?", passages(BATTERY, PUMP), default_scorer(), strict=True)
    assert [cited.feed(word) for word in ("The pump ", "was replaced ", "in 2019. ", "It ")] == [
        *("", "", ""),
        "The pump was replaced in 2019 [2].",
    ]


class Remembering(Scorer):
    """The verifier, which is not asked the same twice."""

    def __init__(self) -> None:
        self.name, self.threshold = default_scorer().name, default_scorer().threshold
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...], str], list[Evidence]] = {}

    def score(self, claims: Sequence[str], passages: Sequence[str], context: str = "") -> list[Evidence]:
        asked = (tuple(claims), tuple(passages), context)
        if asked not in self._known:
            self._known[asked] = default_scorer().score(claims, passages, context)
        return self._known[asked]


@pytest.fixture(scope="module")
def remembering() -> Remembering:
    return Remembering()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("strict", [False, True])
def test_any_text_comes_out_the_same_however_it_arrives(
    passages: MakePassages, remembering: Remembering, seed: int, strict: bool
) -> None:
    draw = random.Random(seed)
    pieces = [
        *"a .!?|`[]1,*#:-\n。",
        "\n\n",
        "- ",
        "| a | b |\n",
        "|---|---|\n",
        "```\n",
        "[1]",
        "[2, 3]",
        "Dr. ",
        "[1](x)",
    ]
    answer = ANSWER if not seed else "".join(draw.choice([*pieces, PUMP]) for _ in range(60))
    whole = CitedText("q", passages(BATTERY, PUMP), remembering, strict)
    assert whole.feed(answer) + whole.finish() == whole.text
    cited, shown, place = CitedText("q", passages(BATTERY, PUMP), remembering, strict), "", 0
    while place < len(answer):
        step = draw.randint(1, 6)
        shown += cited.feed(answer[place : place + step])
        place += step
    shown += cited.finish()
    assert shown == cited.text == whole.text
    assert cited.sentences == whole.sentences


def test_a_line_is_left_out_whose_list_is_and_a_paragraph_stays_one(passages: MakePassages) -> None:
    held = "The pump was replaced in 2019 by Dr. Holm."
    text = strictly(f"It has:\n- {FOREIGN}\n\n{FOREIGN} {held}\n{FOREIGN} {held}", passages(BATTERY, PUMP)).text
    assert text == "The pump was replaced in 2019 by Dr. Holm [2].\nThe pump was replaced in 2019 by Dr. Holm [2]."
