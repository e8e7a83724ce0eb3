"""Questions made about a library by a real model: what is kept, what is logged, and that a run can be gone on with."""

import fcntl
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.engine import Ragstone
from ragstone.app.feedback import Feedback
from ragstone.app.feedback_questions import add_drafts, drafts_of
from ragstone.app.making.maker import Attempt, QuestionMaker, worded
from ragstone.app.making.material import Material
from ragstone.app.making.run import Wanted, log_of, make_questions
from ragstone.app.settings import Settings
from ragstone.errors import EvaluationError
from ragstone.eval.making.drafts import TYPES, Draft, EvidencePlace, decide, read_rows, write_rows
from ragstone.eval.readers.own import read_own
from ragstone.generation.models import ModelStore
from ragstone.retrieval.embedding import Embedder
from ragstone.retrieval.library import Library

Cli = Callable[..., Any]


DOCUMENTS = {
    "pumps.md": "# Pumps\n\nA spare pump costs EUR 1,250 and weighs 62 kg. Hanne Vik keeps it in Terna Hall.",
    "seals.md": "# Seals\n\nA seal of the pump weighs 13 kg and is made by Hald Works. It is replaced every 18 months.",
    "hall.md": "# The hall\n\nThe old school at the harbour was named Terna Hall in 1987, because the river is near.",
    "lease.md": "# The lease\n\nThe Lessee pays for the hall by a standing order. A lessee who is late gets a letter.",
    "choir.md": "# The choir\n\nThe choir of the parish meets on Mondays and has 38 members. Olav Brekke conducts it.",
}


@pytest.fixture(scope="module")
def rag(
    embedder: Embedder, shallow_model_path: Path, model_store: ModelStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ragstone]:
    """Five short documents, and four layers of SmolLM2-135M: what they write is dropped, which is as good here."""
    folder = tmp_path_factory.mktemp("making")
    (folder / "docs").mkdir()
    for name, text in DOCUMENTS.items():
        (folder / "docs" / name).write_text(text, "utf-8")
    settings = Settings(models_dir=model_store.folder, model=str(shallow_model_path), threads=1, context_tokens=1024)
    with Ragstone.open(folder / "library", settings=settings) as opened:
        opened.ingest(folder / "docs")
        yield opened


def test_what_is_drawn_is_spread_over_the_documents_and_follows_the_seed(sample_library: Path) -> None:
    def draw(seed: int) -> list[str]:
        material, drawn = Material(library, seed), []
        for _ in range(19):
            fact = material.fact()
            assert fact is not None
            assert library.text(fact.chunk.document_id)[fact.char_start : fact.char_end] == fact.quote
            material.note([fact.chunk.document], kept=True)
            drawn.append(fact)
        assert len({fact.chunk.document for fact in drawn}) == 19
        return [fact.key for fact in drawn]

    with Library(sample_library) as library:
        assert draw(1) == draw(1) != draw(2)


def test_pairs_and_bridges_are_of_two_documents_and_drawn_once(rag: Ragstone) -> None:
    material = Material(rag.library, 0)
    pairs = list(iter(material.pair, None))
    assert {frozenset(fact.answer for fact in pair) for pair in pairs} == {frozenset(("62 kg", "13 kg"))}
    bridges = list(iter(material.bridge, None))
    assert {bridge.name for bridge in bridges} == {"Terna Hall"}
    for bridge in bridges:
        assert bridge.name in bridge.fact.line
        for told in bridge.told:
            assert told.chunk.document != bridge.fact.chunk.document and bridge.name in told.line
    assert {bridge.fact.answer for bridge in bridges} >= {"Hanne Vik", "1987"}


def test_a_defined_term_is_no_name(rag: Ragstone) -> None:
    material = Material(rag.library, 0)
    assert "Terna Hall" in material.names and "Lessee" not in material.names
    assert "Lessee" not in {fact.answer for fact in iter(material.fact, None)}


def test_what_is_asked_of_a_passage_stands_nowhere_in_it(rag: Ragstone) -> None:
    openings = list(iter(Material(rag.library, 0).opening, None))
    assert {chunk.document_id for chunk, _ in openings} == {one.id for one in rag.documents()}
    for chunk, aspect in openings:
        assert not aspect.may_be_told(chunk.passage)
        assert not (aspect.asked == "what it cost" and "EUR" in chunk.passage)


def test_a_wording_with_which_something_is_wrong_is_followed_by_another() -> None:
    tried = []

    def wrong(said: str) -> str:
        tried.append(said)
        return "" if said == "wording 2" else f"not {said}"

    assert worded("wording {}".format, wrong) == ("wording 2", "")
    assert tried == ["wording 0", "wording 1", "wording 2"]
    assert worded(lambda n: "the same", wrong) == ("the same", "not the same")


def test_every_type_is_tried_logged_and_gone_on_with(rag: Ragstone, tmp_path: Path) -> None:
    out, wanted = tmp_path / "set.csv", Wanted(6, TYPES, 1, 0)
    told: list[tuple[int, int]] = []
    report = make_questions(rag, wanted, out, tell=lambda _, done, total: told.append((done, total)))
    assert [one.kind for one in report.attempts] == list(TYPES) and told[0] == (0, 6)
    for of in report.of_each().values():
        assert of["tried"] == of["kept"] + sum(of["dropped"].values()) == 1
    kept = [one.draft for one in report.attempts if one.draft]
    assert [row["id"] for row in read_rows(out)] == [draft.id for draft in kept] if kept else not out.exists()
    lines = log_of(out).read_text("utf-8").splitlines()
    assert len(lines) == 7

    with pytest.raises(EvaluationError, match="there is a set already"):
        make_questions(rag, wanted, out)
    with pytest.raises(EvaluationError, match="begun with another seed"):
        make_questions(rag, Wanted(6, TYPES, 1, 5), out, resume=True)

    # As if the first question had been kept and edited, and the last attempt interrupted amid its line.
    first, last = report.attempts[0], report.attempts[-1]
    place = EvidencePlace(first.documents[0], 0, 7, "# Pumps\u2028of the\u2029parish\x85")
    draft = Draft("fact-1", "Who paid for the pump?", "fact", "the parish", evidence=(place,))
    begun = asdict(first) | {"reason": "", "question": draft.question, "draft": asdict(draft)}
    edited = json.dumps(begun, ensure_ascii=False)
    log_of(out).write_text("\n".join([lines[0], edited, *lines[2:6], lines[6][:40]]), "utf-8")
    write_rows(out, [draft.row() | {"keep": True, "question": "Who paid for the spare pump?"}])
    again = make_questions(rag, wanted, out, resume=True)
    assert again.attempts[0].draft == draft
    assert timeless(asdict(again.attempts[-1])) == timeless(asdict(last))
    assert again.of_each()["fact"]["kept"] == 1
    assert [row["question"] for row in read_rows(out)][:1] == ["Who paid for the spare pump?"]
    lines = log_of(out).read_text("utf-8").split("\n")
    assert len(lines) == 8 and not lines[-1]

    log_of(out).write_text("\n".join([lines[0], lines[1][:40], *lines[2:]]), "utf-8")
    with pytest.raises(EvaluationError, match=r"set\.log\.jsonl: the log of the set cannot be read"):
        make_questions(rag, wanted, out, resume=True)


def test_a_question_that_was_written_but_not_logged_before_a_crash_is_not_written_twice(
    rag: Ragstone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(maker: QuestionMaker, kind: str) -> Attempt:  # what the small model writes is dropped
        draft = Draft(f"{kind}-1", "Who keeps the spare pump?", kind, "Hanne Vik")
        return Attempt(kind, "pumps.md", draft.question, draft.answer, "", 0.1, ("pumps.md",), draft)

    monkeypatch.setattr(QuestionMaker, "attempt", kept)
    out, wanted = tmp_path / "set.csv", Wanted(1, ("fact",), 1, 0)
    make_questions(rag, wanted, out)
    (row,) = read_rows(out)
    write_rows(out, [row | {"question": "Who keeps it?"}])
    log_of(out).write_bytes(log_of(out).read_bytes()[:-20])
    assert len(make_questions(rag, wanted, out, resume=True).attempts) == 1
    assert [row["question"] for row in read_rows(out)] == ["Who keeps it?"]
    assert len(log_of(out).read_text("utf-8").splitlines()) == 2


def test_a_disk_that_is_full_when_a_set_is_gone_on_with_costs_nothing_that_was_tried(
    rag: Ragstone, tmp_path: Path, full_disk: Callable[[], AbstractContextManager[None]]
) -> None:
    out, wanted = tmp_path / "set.csv", Wanted(2, ("comparison", "fact"), 1, 0)
    make_questions(rag, wanted, out)
    begun = b"".join(log_of(out).read_bytes().splitlines(keepends=True)[:2])
    log_of(out).write_bytes(begun + b'{"kind": "fact", "question": "Was wiegt f' + "ü".encode()[:1])
    with full_disk(), pytest.raises(EvaluationError, match=r"set\.log\.jsonl: cannot be written"):
        make_questions(rag, wanted, out, resume=True)
    assert log_of(out).read_bytes() == begun


def test_a_type_that_ran_out_takes_no_turn_of_another_when_a_set_is_gone_on_with(rag: Ragstone, tmp_path: Path) -> None:
    out, wanted = tmp_path / "set.csv", Wanted(4, ("comparison", "fact"), 2, 0)
    whole = [one.made_from for one in make_questions(rag, wanted, out).attempts]
    lines = log_of(out).read_text("utf-8").splitlines(keepends=True)
    assert [json.loads(line)["kind"] for line in lines[1:4]] == ["comparison", "fact", "fact"]  # there is but one pair
    log_of(out).write_text("".join(lines[:4]), "utf-8")
    assert [one.made_from for one in make_questions(rag, wanted, out, resume=True).attempts] == whole


def timeless(attempt: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attempt.items() if name != "seconds"}


def test_an_empty_library_is_told(rag: Ragstone, tmp_path: Path) -> None:
    wanted = Wanted(1, ("fact",), 1, 0)
    with (
        Ragstone.open(tmp_path / "empty", settings=rag.settings) as empty,
        pytest.raises(EvaluationError, match="holds no document"),
    ):
        make_questions(empty, wanted, tmp_path / "set.csv")
    assert not (tmp_path / "set.log.jsonl").exists()


def test_a_folder_that_cannot_be_made_is_told_before_anything_is(rag: Ragstone, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("No folder.", "utf-8")
    with pytest.raises(EvaluationError, match=r"notes\.md/set\.log\.jsonl: cannot be written \(File exists\)"):
        make_questions(rag, Wanted(1, ("fact",), 1, 0), tmp_path / "notes.md" / "set.csv")


def test_two_processes_do_not_make_the_same_set(rag: Ragstone, tmp_path: Path) -> None:
    with log_of(tmp_path / "set.csv").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(EvaluationError, match="another process is making this set"):
            make_questions(rag, Wanted(1, ("fact",), 1, 0), tmp_path / "set.csv")


def test_the_command_reports_what_survived_and_why(
    ragstone_cli: Cli, rag: Ragstone, tiny_model_path: Path, tmp_path: Path
) -> None:
    asked = ("eval", "make-questions", "--library", rag.library.folder, "--count", "1", "--types", "comparison")
    done = ragstone_cli(*asked, "--tries", "1", "--model", tiny_model_path, "--out", "new/set.jsonl")
    dropped = re.search(r"^ +1 comparison: .+$", done.stdout, re.MULTILINE)
    assert (done.code, bool(dropped)) in ((1, True), (0, False)), done.stderr
    assert "of 1 kept" in done.stdout and "comparison  1       1" in done.stdout
    assert (tmp_path / "new" / "set.log.jsonl").is_file()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--types", "riddle"), f"'riddle' is not one of {', '.join(TYPES)}."),
        (("--out", "set.txt"), "'set.txt' does not end in .csv, .tsv, .jsonl."),
        (("--count", "0"), "0 is not in the range"),
    ],
)
def test_wrong_options_are_bad_usage(ragstone_cli: Cli, options: tuple[str, ...], complaint: str) -> None:
    done = ragstone_cli("eval", "make-questions", *options)
    assert (done.code, done.stdout) == (2, "")
    assert complaint in done.stderr.splitlines()[-1]


ANSWER = {
    "query": "",
    "answer": "It costs EUR 5 [1], and EUR 6 at night [2].",
    "abstained": False,
    "citations": [
        {"n": n, "document": f"{n}.md", "char_start": 0, "char_end": 3, "quote": "abc", "page": None} for n in (1, 2)
    ],
}
REFUSED = {"answer": "The documents do not answer this question.", "abstained": True, "citations": []}


def said(
    number: int, kind: Any, message: int, answer: dict[str, Any], text: str = "", n: int | None = None
) -> Feedback:
    return Feedback(number, kind, n, text, "2026-01-01", message, f"What is {message}?", answer)


def test_what_people_said_becomes_questions_that_are_added_once(tmp_path: Path) -> None:
    drafts = drafts_of(
        [
            said(7, "correction", 2, ANSWER, "EUR 7"),
            said(1, "good", 1, ANSWER),
            said(2, "bad", 2, ANSWER),
            said(3, "wrong source", 3, ANSWER, "other year", 2),
            said(4, "good", 4, REFUSED),
            said(5, "bad", 5, REFUSED),
            said(6, "correction", 6, ANSWER, "The documents do not say."),
        ]
    )
    assert [draft.id for draft in drafts] == [f"feedback-{n}" for n in range(1, 7)]
    good, corrected, other, refused, answered, denied = drafts
    assert good.answer == "It costs EUR 5, and EUR 6 at night." and len(good.evidence) == 2
    assert (corrected.answer, corrected.evidence) == ("EUR 7", ())
    assert other.answer == "" and [place.document for place in other.evidence] == ["1.md"]
    assert "2.md" in other.remark and "other year" in other.remark
    assert [one.answerable for one in (refused, answered, denied)] == [False, True, False]

    path = tmp_path / "feedback.csv"
    assert add_drafts(path, drafts[:2]) == 2
    decide(path, "feedback-2", keep="true", answer="EUR 7.00")
    assert add_drafts(path, drafts) == 4
    questions = {one.id: one for one in read_own(path).questions}
    assert questions["feedback-2"].references == ("EUR 7.00",)
    assert questions["feedback-1"].relevant == ("1.md", "2.md")
    assert questions["feedback-4"].answerable is False


def test_the_command_writes_feedback_as_questions(ragstone_cli: Cli, sample_library: Path, tmp_path: Path) -> None:
    from ragstone.app.chats import Chats
    from ragstone.app.feedback import FeedbackStore

    folder = Path(shutil.copytree(sample_library, tmp_path / "library"))
    with Library(folder) as library:
        chats = Chats(library)
        message = chats.ask(chats.create("me"), "What does it cost?")
        FeedbackStore(library).correct(message, "me", "EUR 7")
    done = ragstone_cli("eval", "feedback-questions", "--library", folder, "--json")
    assert (done.code, done.json()) == (0, {"questions": "questions.csv", "answers": 1, "added": 1})
    (question,) = read_own(tmp_path / "questions.csv").questions
    assert (question.question, question.references) == ("What does it cost?", ("EUR 7",))
    assert ragstone_cli("eval", "feedback-questions", "--library", "none").code == 1
