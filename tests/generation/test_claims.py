"""What an answer is made of, and what of it states something."""

import random
import time

import pytest

from ragstone.generation.grounding.claims import claim_of, declines, is_claim, split_sentences
from ragstone.generation.grounding.segments import Segments, split_segments

ANSWER = """Sure! Here is what the passages say:

## The pump
The pump weighs:
- 40 kg, with oil [1]
- **38 kg** without. It was 3.5 m long in Jan. 2019 [2]. Dr. Holm left!
    1. `arr[1]` is nested

Afterwards it was sold. [1] It cost EUR 1,950 [Passage 2].

| Part | Weight |
| --- | ---: |
| pump | 40 kg [1] |

```python
x = a[1]. Then go.

# no heading
```
I hope this helps. Shall I go on?"""


def claims(answer: str) -> list[str | None]:
    found = [segment.claim() for segment in split_segments(answer)]
    return [None if claim is None else claim.text for claim in found]


def test_an_answer_is_its_sentences_items_rows_and_code() -> None:
    kinds = [(segment.kind, segment.text) for segment in split_segments(ANSWER)]
    assert ("heading", "## The pump") in kinds
    assert ("sentence", "- **38 kg** without.") in kinds
    assert ("sentence", "Afterwards it was sold. [1]") in kinds
    assert ("table_header", "| Part | Weight |\n| --- | ---: |") in kinds
    assert ("row", "| pump | 40 kg [1] |") in kinds
    assert ("code", "```python\nx = a[1]. Then go.\n\n# no heading\n```") in kinds


def test_only_what_states_something_is_a_claim_and_markup_is_no_part_of_it() -> None:
    assert [claim for claim in claims(ANSWER) if claim] == [
        "40 kg, with oil",
        "38 kg without.",
        "It was 3.5 m long in Jan. 2019.",
        "Dr. Holm left!",
        "arr[1] is nested",
        "Afterwards it was sold.",
        "It cost EUR 1,950.",
        "Part: pump; Weight: 40 kg",
    ]


def test_an_item_has_the_line_above_its_list_as_context_and_what_follows_the_list_has_not() -> None:
    contexts = {segment.text: segment.context for segment in split_segments(ANSWER)}
    assert contexts["- 40 kg, with oil [1]"] == contexts["1. `arr[1]` is nested"] == "The pump weighs:"
    assert contexts["Afterwards it was sold. [1]"] == ""


def test_a_nested_list_is_introduced_by_both_lines_above_it() -> None:
    answer = "The parts are:\n- the pump, with:\n  - a valve\n- the motor"
    contexts = {segment.text: segment.context for segment in split_segments(answer)}
    assert contexts["- a valve"] == "The parts are: - the pump, with:"
    assert contexts["- the motor"] == "The parts are:"


def test_a_claim_knows_where_each_of_its_characters_stands() -> None:
    for segment in split_segments(ANSWER):
        assert ANSWER[segment.start : segment.start + len(segment.text)] == segment.text
        claim = segment.claim()
        for character, place in zip(claim.text, claim.places, strict=True) if claim else ():
            assert place < 0 or segment.text[place] == character


def test_a_span_of_a_row_is_found_in_its_cell_and_a_column_s_name_is_nowhere() -> None:
    header, row = split_segments("| Part | Weight |\n|---|---|\n| pump | **40 kg** [1] |")
    claim = row.claim()
    assert header.claim() is None
    assert claim is not None
    start = claim.text.index("40 kg")
    ((found_start, found_end),) = claim.located([(start, start + 5), (0, 5)])
    assert row.text[found_start:found_end] == "40 kg"


@pytest.mark.parametrize(
    "sentence",
    [
        "Is it 40 kg?",
        "It has these parts:",
        "**Parts:**",
        "I don't know.",
        "Based on the provided passages, I cannot determine the weight.",
        "The weight is not mentioned in the passages.",
        "Passage [1]",
        "See passages 1 and 2.",
        "[1]",
        "According to the passages [1][2].",
        "Sure!",
        "Sure, here is the answer.",
        "Here are some examples from the text.",
        "I hope this helps!",
        "Let me know if you have any questions.",
        "If you need more details, feel free to ask.",
        "It may vary.",
        "However, it depends.",
        "It is difficult to say how many there are.",
        "As an AI language model, I do not have access to the internet.",
        "* * *",
        "",
    ],
)
def test_what_states_nothing_is_no_claim(sentence: str) -> None:
    assert not is_claim(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "It may weigh 40 kg.",
        "It is important to note that the pump weighs 40 kg.",
        "Sure, the pump weighs 40 kg.",
        "Yes.",
        "2019",
        "**Paris**",
        "- 40 kg",
        "Press the red button.",
        "The passage to India was opened in 1869.",
        "In 2019.",
        "Documents are kept for ten years.",
        "Here is the pump's serial number: 4711.",
        'He said: "I recommend the new pump."',
        "泵重四十公斤。",
        "The weight depends on the oil, which is 2 kg.",
    ],
)
def test_a_statement_is_a_claim_also_when_it_is_hedged_short_or_an_instruction(sentence: str) -> None:
    assert is_claim(sentence)


def test_a_bold_line_is_a_heading_only_where_something_follows() -> None:
    assert claims("**Weight**\nIt is 40 kg.") == [None, "It is 40 kg."]
    assert claims("**Paris**") == ["Paris"]


def test_a_short_line_ends_where_it_ends_and_a_wrapped_one_goes_on() -> None:
    assert claims("Weight: 40 kg\nPrice: EUR 5") == ["Weight: 40 kg", "Price: EUR 5"]
    wrapped = "The pump in hall B, which was replaced in 2019 by Dr. Holm himself,\nweighs 40 kg."
    assert len(claims(wrapped)) == 1


PIECES = [
    *("a ", "Dr.", "Word ", ".", " ", "\n", "\n\n", "- ", "1. ", "|", "| a | b |\n", "|---|---|\n", "```", "```\n"),
    *("[1]", "[", "]", "1", ", ", "`", "**", "#", " # ", "!", "?", "。", "日本", ":", "\t", "3.5", "\u00a0", "\r\n"),
    *("\U0001f600", "x" * 50, "e.g. ", "(", ")", '"', "Passage", "y " * 1100, "\x00", "\u202e", "\ud800"),
]


@pytest.mark.parametrize("seed", range(40))
def test_the_parts_are_the_whole_answer_and_the_same_however_its_words_arrive(seed: int) -> None:
    draw = random.Random(seed)
    answer = ANSWER if seed % 4 == 0 else "".join(draw.choice(PIECES) for _ in range(draw.randint(1, 100)))
    whole = split_segments(answer)
    segments, arrived, place = Segments(), [], 0
    while place < len(answer):
        step = draw.randint(1, 5)
        arrived += segments.feed(answer[place : place + step])
        place += step
    assert [*arrived, *segments.finish()] == whole
    assert "".join(segment.gap + segment.text for segment in whole).rstrip() == answer.rstrip()
    assert all(claim_of(segment.text) is None or segment.text for segment in whole)


@pytest.mark.parametrize(
    "text", ["Hello world. ", "word ", "Dr. ", '"A. ', "[1, ", "`a", "- a\n", "| a |\n", "x", ". "]
)
def test_the_work_grows_with_the_answer_and_not_with_its_square(text: str) -> None:
    def seconds(characters: int) -> float:
        answer, started = text * (characters // len(text)), time.thread_time()
        for segment in split_segments(answer):
            segment.claim()
        return time.thread_time() - started

    # The better of two: one may have to collect the garbage of all tests before.
    assert min(seconds(40_000), seconds(40_000)) < 12 * seconds(10_000) + 0.1


@pytest.mark.parametrize(
    "sentence",
    [
        "As an AI company, Acme earned 99 million dollars in 2023.",
        "If you want a refund, you must ask within 99 days.",
        "If you want a refund, you must ask the manager.",
        "If you have none, support can help you, but needs a photo ID.",
        "It will change to $99 on 1 March.",
        "Here is the list price of the pump, 99 EUR.",
        "There is no information desk; the pump weighs 38 kg.",
        "None of the documents was signed in 2019.",
        "I do not know the colour, but the pump weighs 38 kg.",
        "I cannot find that, however, the pump weighs 99 kg.",
        "Sure, happy customers bought the pump.",
        "**The pump weighs 99 kg.**\n\nIt is red.",
    ],
)
def test_a_fact_is_a_claim_however_it_begins(sentence: str) -> None:
    assert claims(sentence)[0] is not None and not declines(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The documents don't mention a pool.",
        "I don't have enough information to answer.",
        "I couldn't find that in the passages.",
        "The context does not specify it.",
        "There is no information about it.",
        "None of the passages mention it.",
        "None of the passages address this.",
        "There is no information to answer the question.",
        "There is no mention anywhere of a pool.",
    ],
)
def test_a_refusal_is_none(sentence: str) -> None:
    assert declines(sentence) and not is_claim(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Sure, happy to help!",
        "Good luck!",
        "Hope that helps!",
        "Best regards,",
        "If you have any questions, please ask!",
    ],
)
def test_a_courtesy_is_no_claim(sentence: str) -> None:
    assert not is_claim(sentence)


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("I met Ms. Brandt and Cllr. Evans.", 1),
        ("It takes approx. 4 hours. Then it ends.", 2),
        ("He lives at Industriestr. 8 in Bonn.", 1),
        ("Call Tel. 123 now.", 1),
        ("The delay is 20 ms. The pump is blue.", 2),
        ("The trip is 5 km. 3 trains run.", 2),
        ("It costs 5 EUR incl. The rest is free.", 2),
        ("It costs 5 EUR incl. VAT. Fine.", 2),
        ("We have 5 hrs. The end.", 2),
        ("It is open until 11 p.m. Monday through Thursday.", 1),
        ("Press *Temp.* and *Spin*. Then wait.", 2),
    ],
)
def test_an_abbreviation_ends_no_sentence(text: str, n: int) -> None:
    assert len(split_sentences(text)) == len(split_segments(text)) == n


def test_tables_of_windows_and_empty_cells_are_read_by_column() -> None:
    table = "|Model|Length|Width|Weight|\n|-|-|-|-|\n|K2||30|44|\n"
    assert claims(table) == claims(table.replace("\n", "\r\n")) == [None, "Model: K2; Width: 30; Weight: 44"]


def test_a_short_line_of_an_item_goes_on_below_it() -> None:
    assert claims("- The pump\n  leaks badly.\n- It is red.") == ["The pump\n leaks badly.", "It is red."]


def test_a_label_in_bold_before_its_text_is_no_claim_and_an_answer_in_bold_is() -> None:
    assert claims("- **Lost phone.** Call us.\n- **Browser.** Use another.") == [None, "Call us.", None, "Use another."]
    assert claims("**38 kg.** So it says.")[0] == "38 kg."
    assert claims("**Karl Zander.** He signed it in May.")[0] == "Karl Zander."
    assert claims("- **Weight**\n- Weight: 38 kg\n  Colour: blue")[1:] == ["Weight: 38 kg", "Colour: blue"]
    assert claims("**It is red.**") == ["It is red."]


@pytest.mark.parametrize(
    "answer",
    [
        "*   **Lost phone.** Call us.\n\n*   **Browser.**  Use another.",
        "Here it is.\n```" + "word " * 600 + "\nx\n```\nIt is red.",
        "```a b``` is code.\n````\n```\nx\n````\nThe end.",
        "| A || B |\r\n|-|-|-|\r\n| 1 || 2 |\r\n\r\nIt is open until 5 p.m. Monday through Friday.",
    ],
)
def test_parts_do_not_depend_on_how_the_words_arrive(answer: str) -> None:
    whole = split_segments(answer)
    for size in (1, 2, 3, 7):
        segments = Segments()
        pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
        assert [part for piece in pieces for part in segments.feed(piece)] + segments.finish() == whole


def test_three_backticks_within_a_line_open_no_block_and_four_are_not_closed_by_three() -> None:
    kinds = [one.kind for one in split_segments("```pump``` weighs 99 kg.\nIt is blue.")]
    assert kinds == ["sentence", "sentence"]
    (block,) = split_segments("````\n```\nx\n```\n````")
    assert block.kind == "code"
