import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.eval.metrics.answers import (
    ROUGE,
    best_subspan_em,
    exact_match,
    normalize,
    parts_named,
    rouge,
    token_f1,
)
from ragstone.eval.metrics.figures import states_figure
from ragstone.eval.metrics.rgb import detects_error, names_all, refuses, repeats_error
from ragstone.eval.readers.answering import read_squad, read_xquad


@pytest.mark.parametrize(
    ("answer", "references", "em", "f1"),
    [
        ("The Canterbury Tales!", ["canterbury tales"], 1.0, 1.0),
        ("in the late 1990s", ["on the late 1990s"], 0.0, 2 / 3),
        ("a cat, a cat", ["cat", "cat cat dog"], 0.0, 0.8),
        ("", [""], 1.0, 1.0),
        ("the", [""], 1.0, 1.0),
        ("France", [""], 0.0, 0.0),
        ("", ["France"], 0.0, 0.0),
        ("", ["the", "France"], 0.0, 0.0),
        ("", ["the"], 1.0, 1.0),
    ],
)
def test_exact_match_and_f1_are_squads(answer: str, references: list[str], em: float, f1: float) -> None:
    assert exact_match(answer, references) == em
    assert token_f1(answer, references) == pytest.approx(f1)


def test_without_a_reference_there_is_nothing_to_compare_with() -> None:
    assert exact_match("x", []) is token_f1("x", []) is parts_named("x", []) is None


def test_the_scores_of_squads_dev_set_are_those_of_its_script(bench_data: Path) -> None:
    """Answers made by a rule; the official script's sums for them."""
    folder = bench_data / "qa/squad2"
    data = json.loads((folder / "dev-v2.0.json").read_text("utf-8"))["data"]
    rows = {q["id"]: (q, p["context"]) for a in data for p in a["paragraphs"] for q in p["qas"]}
    em = f1 = 0.0
    for one in read_squad(folder).questions:
        row, context = rows[one.id]
        length = len(one.question)
        said = "" if length % 3 == 0 else " ".join(context.split()[: length % 7])
        if length % 5 == 1 and one.answerable:
            said = row["answers"][-1]["text"] + "."
        em += exact_match(said, one.gold) or 0.0
        f1 += token_f1(said, one.gold) or 0.0
    assert em == 2004
    assert f1 == pytest.approx(2076.4475786522858)


@pytest.mark.parametrize(
    ("language", "text", "normalized"),
    [
        ("de", "Der Kanal, die „Brücke“!", "kanal brücke"),
        ("es", "El río y las orillas.", "río y orillas"),
        ("ar", "في المدينة، الكتاب", "في مدينة كتاب"),
        ("zh", "北京大学，2021年！", "北 京 大 学 2021 年"),
        ("fr", "L’eau, l'île", "leau lîle"),
    ],
)
def test_other_languages_are_normalized_as_by_mlqas_script(language: str, text: str, normalized: str) -> None:
    assert normalize(text, language) == normalized


@pytest.mark.parametrize(
    ("language", "em", "f1"),
    [
        ("de", 282, 307.9512995174761),
        ("es", 323, 367.9639813689352),
        ("ar", 284, 342.1995014415852),
        ("zh", 291, 382.364060135704),
    ],
)
def test_the_scores_of_xquad_are_those_of_mlqas_script(bench_data: Path, language: str, em: float, f1: float) -> None:
    """Answers made by a rule; the script's sums for them."""
    found = read_xquad(bench_data / "qa/xquad", language)
    texts = {document.id: document.text for document in found.corpus}
    sums = [0.0, 0.0]
    for one in found.questions:
        length = len(one.question)
        start = length % 50
        said = texts[one.relevant[0]][start : start + 30] if length % 4 else f"„{one.references[0]}“."
        sums[0] += exact_match(said, one.gold, language) or 0.0
        sums[1] += token_f1(said, one.gold, language) or 0.0
    assert sums == pytest.approx([em, f1])


WORDS = st.lists(st.sampled_from("the tide rises a gauge fell 4.5 u.s. ¿qué? 北京".split()), max_size=8).map(" ".join)


@given(WORDS, WORDS)
def test_f1_is_symmetric_and_at_least_exact_match(one: str, other: str) -> None:
    f1, em = token_f1(one, [other]), exact_match(one, [other])
    assert f1 is not None and em is not None
    assert f1 == token_f1(other, [one])
    assert em <= f1 <= 1.0


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3))
def test_more_references_never_lower_a_score(answer: str, references: list[str]) -> None:
    for metric in (token_f1, best_subspan_em):
        first, all_of_them = metric(answer, references[:1]), metric(answer, references)
        assert first is not None and all_of_them is not None
        if normalize(references[0]):
            assert all_of_them >= first


def test_a_reference_of_nothing_stands_in_no_answer() -> None:
    assert best_subspan_em("It rises.", ["The."]) == 0.0


def test_the_parts_that_are_named_are_counted() -> None:
    parts = [["2021"], ["Tampa", "Tampa Bay"], ["noon"]]
    assert parts_named("In 2021, in Tampa Bay.", parts) == pytest.approx(2 / 3)


def test_rouge_is_googles_of_the_best_reference() -> None:
    from rouge_score.rouge_scorer import RougeScorer

    answer, references = "The gauges are reading high tides.", ["A gauge reads the tide.", "The tides are high today."]
    for stemmed in (False, True):
        found = rouge(answer, references, stemmed=stemmed)
        theirs = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=stemmed)
        each = [theirs.score(reference, answer) for reference in references]
        for name, key in zip(ROUGE, ("rouge1", "rouge2", "rougeL"), strict=True):
            best = max((one[key] for one in each), key=lambda score: score.fmeasure)
            assert found[name] == pytest.approx((best.precision, best.recall, best.fmeasure))
    assert rouge("gauges read", ["gauge reads"])["ROUGE-1"] == (0.0, 0.0, 0.0)
    assert rouge("gauges read", ["gauge reads"], stemmed=True)["ROUGE-1"] == (1.0, 1.0, 1.0)


def test_rouge_is_unscored_where_it_sees_nothing() -> None:
    assert rouge("潮水上涨", ["潮水"]) == dict.fromkeys(ROUGE)
    assert rouge("潮水上涨", []) == dict.fromkeys(ROUGE)


@pytest.mark.parametrize(
    ("answer", "gold", "scale", "stated"),
    [
        ("Sales rose to $1.5 million in 2019.", "1.5", "million", 1.0),
        ("Sales rose to 1,500 thousand in 2019.", "1.5", "million", 1.0),
        ("Sales rose to 1.5 in 2019.", "1.5", "million", 1.0),
        ("Sales rose to 1.5 thousand in 2019.", "1.5", "million", 0.0),
        ("It is 17.70 percent more.", "17.7", "percent", 1.0),
        ("It is 17.7% more.", "17.7", "percent", 1.0),
        ("It is 17.8% more.", "17.7", "percent", 0.0),
        ("It is 17.68 per cent more.", "17.7", "percent", 1.0),
        ("A loss of (134) thousand.", "-134", "thousand", 1.0),
        ("It fell by 0.2%.", "-0.2", "percent", 1.0),
        ("It was half a million.", "$0.5 million", "", 0.0),
        ("It was 500 thousand.", "$0.5 million", "", 1.0),
        ("The U.S. had 1,568.6 of them.", "1,568.6", "", 1.0),
        ("There are 3.", "3", "", 1.0),
        ("There are 33.", "3", "", 0.0),
        ("", "3", "", 0.0),
        ("Cash.", "Cash", "", None),
    ],
)
def test_a_sentence_states_a_figure(answer: str, gold: str, scale: str, stated: float | None) -> None:
    assert states_figure(answer, gold, scale) == stated


def test_rgb_wants_every_part_in_one_of_its_wordings() -> None:
    parts = [["2021"], ["Tampa, Florida", "Tampa Bay"]]
    assert names_all("In 2021, in TAMPA BAY.", parts) == 1.0
    assert names_all("In 2021.", parts) == 0.0
    assert names_all("2021, Tampa Bay; there is insufficient information.", parts) == 0.0
    assert names_all("In 2021.", []) is None
    assert names_all("在 坦 帕", [["坦帕"]], "zh") == 1.0


def test_rgb_looks_for_the_words_of_its_prompt() -> None:
    refusal = "I can not answer the question because of the insufficient information in documents."
    assert refuses(refusal)
    assert refuses("文档信息不足，因此我无法回答。", "zh")
    assert not refuses("Tampa.")
    assert detects_error("There are factual errors in the provided documents. It was Tampa.")
    assert not detects_error(refusal)
    assert repeats_error("It was GLENDALE.", ["Glendale"]) == 1.0
    assert repeats_error("It was Tampa.", ["Glendale"]) == 0.0
    assert repeats_error("It was Tampa.", []) is None
