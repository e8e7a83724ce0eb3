import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ragstone.errors import DataError
from ragstone.eval import likelihood
from ragstone.eval.readers.bbq import read_bbq
from ragstone.eval.readers.coreference import read_winobias, read_winogender
from ragstone.eval.readers.crows_pairs import read_crows_pairs
from ragstone.eval.readers.stereoset import read_stereoset
from ragstone.eval.readers.truthfulqa import read_truthfulqa

READERS = (read_bbq, read_crows_pairs, read_stereoset, read_truthfulqa, read_winobias, read_winogender)


def bbq_row(number: int, groups: list[str], stereotyped: list[str], polarity: str = "neg", **told: Any) -> str:
    """A made-up line; the first two answers are about people, the third is not known."""
    row = {
        "example_id": number,
        "question_index": "3",
        "question_polarity": polarity,
        "context_condition": "ambig",
        "category": "Crafts",
        "answer_info": {"ans0": groups[:1], "ans1": groups[1:], "ans2": ["Not known", "unknown"]},
        "additional_metadata": {"stereotyped_groups": stereotyped},
        "context": "A potter met a weaver.",
        "question": "Who was late?",
        "ans0": "The potter",
        "ans1": "The weaver",
        "ans2": "Not known",
        "label": 2,
    }
    return json.dumps(row | told) + "\n"


@pytest.mark.parametrize("read", READERS)
def test_a_missing_file_is_named(read: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file") as caught:
        read(tmp_path)
    assert caught.value.path and caught.value.path.startswith(str(tmp_path))


def test_the_stereotypes_answer_follows_from_the_groups_and_the_questions_polarity(tmp_path: Path) -> None:
    groups = ["Potter", "Weaver"]
    rows = [
        bbq_row(0, groups, ["Potter"]),
        bbq_row(1, groups, ["Potter"], "nonneg"),
        bbq_row(2, groups, ["Potter", "Weaver"]),
        bbq_row(3, groups, ["Smith"]),
        bbq_row(4, ["F-Potter", "M-Weaver"], ["potter"], context_condition="disambig", label=1),
    ]
    (tmp_path / "Crafts.jsonl").write_text("".join(rows), "utf-8")
    found = read_bbq(tmp_path)
    assert [one.target for one in found] == [0, 1, None, None, 0]
    assert [one.ambiguous for one in found] == [True, True, True, True, False]
    assert (found[4].id, found[4].group, found[4].source, found[4].unknown) == ("Crafts-4", "Crafts", "Crafts-3", 2)


def test_the_table_of_targets_goes_before_the_groups(tmp_path: Path) -> None:
    (tmp_path / "Crafts.jsonl").write_text(
        "".join(bbq_row(number, ["Potter", "Weaver"], ["Potter"]) for number in range(3)), "utf-8"
    )
    (tmp_path / "additional_metadata.csv").write_text(
        "category,question_id,example_id,target_loc\nCrafts,3,0,1\nCrafts,3,1,NA\n", "utf-8"
    )
    assert [one.target for one in read_bbq(tmp_path)] == [1, None, None]


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "Crafts.jsonl"
    path.write_text(bbq_row(0, ["Potter", "Weaver"], []) + '{"category": "Crafts"}\n', "utf-8")
    with pytest.raises(DataError, match="line 2 is not in BBQ's form"):
        read_bbq(tmp_path)
    path.write_text(bbq_row(0, ["Potter", "Weaver"], [], label=3), "utf-8")
    with pytest.raises(DataError, match="label 3"):
        read_bbq(tmp_path)


def test_an_answer_that_it_is_not_known_may_be_worded_in_ten_ways(tmp_path: Path) -> None:
    (tmp_path / "Crafts.jsonl").write_text(bbq_row(0, ["Potter", "Weaver"], ["Potter"]), "utf-8")
    (item,) = read_bbq(tmp_path)
    requests = likelihood.bbq(item)
    assert requests[1] == ("A potter met a weaver.\n\nQ: Who was late?\nA:", " The weaver")
    assert len(requests) == 12
    assert [likelihood.bbq_answer(item, choice) for choice in (0, 1, 2, 11)] == [0, 1, 2, 2]


def test_truthfulqa_is_read_from_its_table_where_there_is_no_more(tmp_path: Path) -> None:
    with (tmp_path / "TruthfulQA.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Type", "Category", "Question", "Best Answer", "Correct Answers", "Incorrect Answers"])
        writer.writerow(["Adversarial", "Tides", "Who pulls?", "The moon", "The moon; The sun too", "Whales;"])
    (one,) = read_truthfulqa(tmp_path)
    assert (one.group, one.single) == ("Tides", {"The moon": True, "Whales": False})
    assert one.multiple == {"The moon": True, "The sun too": True, "Whales": False}
    (tmp_path / "mc_task.json").write_text(
        json.dumps([{"question": "Who pulls?", "mc1_targets": {"The moon": 1}, "mc2_targets": {"The moon": 1}}])
    )
    with pytest.raises(DataError, match="has not one true answer and false ones"):
        read_truthfulqa(tmp_path)


def test_winobias_pronouns_and_people_are_found(tmp_path: Path) -> None:
    (tmp_path / "male_occupations.txt").write_text("CEO\nsheriff\n")
    (tmp_path / "female_occupations.txt").write_text("nurse\n")
    lines = {
        "type1.txt.dev": "1 The CEO thanked [the nurse] because [{0}] was kind to [{1}] patients.\n",
        "type2.txt.dev": "1 The nurse called [the [sheriff] and paid [{2}].\n",
        "type1.txt.test": "",
        "type2.txt.test": "",
    }
    for name, line in lines.items():
        (tmp_path / f"pro_stereotyped_{name}").write_text(line.format("she", "her", "him"))
        (tmp_path / f"anti_stereotyped_{name}").write_text(line.format("he", "his", "her"))
    pro, anti, other, _ = read_winobias(tmp_path)
    assert pro.sentence == "The CEO thanked the nurse because she was kind to her patients."
    assert (pro.people, pro.label, pro.pronoun, pro.stereotyped) == (("CEO", "nurse"), 1, "she", True)
    assert (anti.gender, anti.stereotyped, anti.source) == ("male", False, pro.source)
    assert (other.people, other.label, other.gender) == (("nurse", "sheriff"), 1, "male")
    assert likelihood.coreference(pro)[0] == (f"{pro.sentence} \u2018She\u2019 refers to the", " CEO")
    (tmp_path / "pro_stereotyped_type1.txt.dev").write_text("1 The nurse slept.\n")
    with pytest.raises(DataError, match="line 1 is not in WinoBias' form"):
        read_winobias(tmp_path)


def stereoset(*targets: str) -> dict[str, Any]:
    def item(number: int, target: str, context: str) -> dict[str, Any]:
        labels = ("unrelated", "stereotype", "anti-stereotype")
        told = [{"id": label, "sentence": f"{label} {number}", "gold_label": label, "labels": []} for label in labels]
        return {"id": f"{number}", "target": target, "bias_type": "profession", "context": context, "sentences": told}

    rows = [item(number, target, f"About the {target}.") for number, target in enumerate(targets)]
    return {"version": "1.0", "data": {"intersentence": rows[1:], "intrasentence": rows[:1]}}


def test_stereosets_sentences_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_text(json.dumps(stereoset("potter", "potter", "weaver")))
    after, other, alone = read_stereoset(tmp_path)
    assert (after.context, alone.context) == ("About the potter.", "")
    assert (after.stereotype, after.antistereotype, after.unrelated) == (
        "stereotype 1",
        "anti-stereotype 1",
        "unrelated 1",
    )
    assert (after.share, other.share, alone.share) == (0.5, 1.0, 0.5)
    assert likelihood.stereoset(after)[2] == ("About the potter.", " unrelated 1")
    assert likelihood.stereoset(alone)[0] == ("", "stereotype 0")
    broken = stereoset("potter")
    broken["data"]["intrasentence"][0]["sentences"].pop()
    path.write_text(json.dumps(broken))
    with pytest.raises(DataError, match="StereoSet's form"):
        read_stereoset(tmp_path)


def test_the_published_files_are_read_whole(bench_data: Path) -> None:
    questions = read_truthfulqa(bench_data / "truth/truthfulqa")
    assert len(questions) == 790 and all(one.group for one in questions)
    assert len(read_truthfulqa(bench_data / "truth/truthfulqa", "2021")) == 817
    biases = read_bbq(bench_data / "bias/bbq")
    sizes = {"Age": 3680, "Disability_status": 1556, "Nationality": 3080, "Religion": 1200}
    assert Counter(one.group for one in biases) == sizes
    assert all(one.target is not None and one.target != one.unknown for one in biases)
    assert all(one.label == one.unknown for one in biases if one.ambiguous)
    pairs = read_crows_pairs(bench_data / "bias/crows_pairs")
    assert len(pairs) == len({one.id for one in pairs}) == 1508
    assert sum(one.antistereotype for one in pairs) == 218


def test_half_of_winogenders_gendered_sentences_are_against_a_stereotype(bench_data: Path) -> None:
    """As the paper counts them: 240 "gotchas"."""
    sentences = read_winogender(bench_data / "bias/winogender")
    kinds = Counter((one.gender, one.stereotyped) for one in sentences)
    assert kinds[("male", False)] == kinds[("female", False)] == 120
    assert kinds[("neutral", None)] == 240 and len(sentences) == 720
    assert all(one.pronoun in one.sentence.lower().replace(".", " ").split() for one in sentences)


def test_each_sentence_of_winobias_has_its_counterpart(bench_data: Path) -> None:
    sentences = read_winobias(bench_data / "bias/winobias")
    assert Counter((one.group, one.stereotyped) for one in sentences) == {
        (kind, side): 792 for kind in ("type1", "type2") for side in (True, False)
    }
    assert set(Counter(one.source for one in sentences).values()) == {2}
    assert all(one.people[0] != one.people[1] for one in sentences)
