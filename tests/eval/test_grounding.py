import json
from pathlib import Path

import pytest

from ragstone.eval.grounding import ALL, ALWAYS, GENERATOR, LENGTH, MEAN, controls, evaluate, judge_answers
from ragstone.eval.readers.grounding import GroundedAnswer, GroundedSet
from ragstone.eval.suites.grounding import GROUNDING
from ragstone.generation.grounding import verify, whole_support
from ragstone.generation.grounding.overlap import Overlap

PUMP = "The pump in hall B was replaced in March 2019. The new pump weighs 38 kg."


def answer(text: str, grounded: bool | None = True, **told: object) -> GroundedAnswer:
    return GroundedAnswer(id=text, answer=text, passages=(PUMP,), grounded=grounded, **told)  # type: ignore[arg-type]


class Counting(Overlap):
    """Overlap that remembers what it was asked, with another threshold."""

    threshold = 0.9

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], str]] = []

    def score(self, claims, passages, context=""):  # type: ignore[no-untyped-def]
        self.asked.append((tuple(passages), context))
        return super().score(claims, passages, context)


def test_an_answer_is_flagged_below_the_scorers_own_threshold() -> None:
    rows = [answer("The new pump weighs 38 kg."), answer("The new pump costs nothing at all.", False), answer("Why?")]
    strict = judge_answers(rows, Counting())
    for judged, one in zip((judge_answers(rows, Overlap()), strict), (Overlap, Counting), strict=True):
        flags = [None if j.support is None else j.support < one.threshold for j in judged]
        assert [j.flagged for j in judged] == flags
    assert [j.flagged for j in strict] == [False, True, None]
    assert all(j.seconds > 0 for j in strict)


def test_the_sentences_of_an_answer_have_their_places() -> None:
    text = "The pump weighs 38 kg [1].  Is that all?\n\n- The pump weighs 38 kg [1].\n- It was replaced in March."
    (judged,) = judge_answers([answer(text)], Overlap())
    checked = verify(text, [PUMP], scorer=Overlap()).sentences
    assert [text[s.start : s.end] for s in judged.sentences] == [s.text for s in checked]
    starts = [s.start for s in judged.sentences]
    assert len(set(starts)) == len(starts) >= 4  # the sentence that stands twice has two places
    assert starts == sorted(starts)
    assert [s.verdict for s in judged.sentences] == [s.verdict for s in checked]
    assert judged.support == whole_support([s.support for s in judged.sentences])


def test_a_claim_with_several_contexts_is_as_supported_as_in_the_best() -> None:
    good, bad = (PUMP,), ("Rain fell.",)
    text = "The new pump weighs 38 kg."
    first = GroundedAnswer("1", text, bad, alternatives=(good, bad))
    scorer = Counting()
    (judged,) = judge_answers([first], scorer)
    assert judged.support == judge_answers([GroundedAnswer("2", text, good)], Overlap())[0].support
    assert [passages for passages, _ in scorer.asked[-3:]] == [bad, good, bad]


def test_the_question_is_handed_on_as_context() -> None:
    scorer = Counting()
    judge_answers([answer("The pump weighs 38 kg.", question="How heavy is it?")], scorer)
    assert scorer.asked[-1][1] == "How heavy is it?"


def test_the_report_has_scorers_beside_controls_by_group_and_generator() -> None:
    rows = [
        answer(
            f"{text} Number {n}.",
            good,
            group=group,
            generator=f"model {n % 2}",
            source=f"{n}",
            spans=() if good else ((0, 5),),
        )
        for n in range(10)
        for group, text, good in (
            ("QA", "The new pump weighs 38 kg.", True),
            ("Summary", "Rain fell on Berlin.", False),
        )
    ]
    rows = [GroundedAnswer(**{f: getattr(r, f) for f in r.__slots__} | {"id": str(n)}) for n, r in enumerate(rows)]
    data = GroundedSet("made", tuple(rows))
    judged = {"overlap": judge_answers(rows, Overlap()), "strict": judge_answers(rows, Counting())}
    found = evaluate(data, judged, {"overlap": 0.6, "strict": 0.9})
    assert list(found.estimates) == [ALL, MEAN, "QA", "Summary", "model 0", "model 1"]
    assert list(found.estimates[ALL]) == ["overlap", "strict", ALWAYS, LENGTH, GENERATOR]
    assert found.estimates[ALL]["overlap"]["AUROC"].mean == 1
    assert found.estimates[ALL][ALWAYS]["F1"].mean == pytest.approx(2 / 3)
    assert found.estimates[ALL][ALWAYS]["balanced accuracy"].mean == 0.5
    assert GENERATOR not in found.estimates["model 0"]
    assert (found.baseline, list(found.differences)) == ("overlap", ["strict"])
    assert set(found.times) == {"overlap", "strict"}
    assert all(time.n == 20 for of in found.times.values() for time in of.values())
    told = json.loads(json.dumps(found.as_json(rows, per_answer=True)))
    assert len(told["per_answer"]) == 20
    assert set(told["per_answer"][0]["judged"]) == {"overlap", "strict"}
    assert "per_answer" not in found.as_json(rows, per_answer=False)


def test_a_generator_is_known_by_what_it_wrote_on_other_sources() -> None:
    rows = [
        answer("a", False, generator="bad", source="1"),
        answer("b", False, generator="bad", source="2"),
        answer("c", True, generator="bad", source="2"),
        answer("d", True, generator="good", source="1"),
    ]
    assert [one.suspicion for one in controls(rows)[GENERATOR]] == [0.5, 1.0, 1.0, None]
    assert all(one.flagged is None for one in controls(rows)[GENERATOR])
    assert GENERATOR not in controls([answer("a")])


def test_longer_answers_are_more_suspect_to_the_count_of_sentences() -> None:
    rows = [answer("One. Two. Three."), answer("One.")]
    assert [one.suspicion for one in controls(rows)[LENGTH]] == [3, 1]


def test_overlap_beats_chance_on_the_summaries_of_ragtruth(bench_data: Path) -> None:
    """The figures of the suite on real data, also with its own definition of what a response's label is."""
    data = GROUNDING.set("ragtruth-summary").load(bench_data).sample(300)
    judged = judge_answers(data.answers, Overlap())
    found = evaluate(data, {"overlap": judged}, {"overlap": Overlap.threshold}).estimates[ALL]
    assert found["overlap"]["AUROC"].low > 0.5
    bad = sum(not one.grounded for one in data.answers)
    assert found[ALWAYS]["precision"].mean == pytest.approx(bad / 300)
    assert found[ALWAYS]["span recall"].mean == pytest.approx(1, abs=0.02)
