"""Several answers at a time from one context, with real weights."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragstone.errors import GenerationError
from ragstone.generation.chat_model import Completion
from ragstone.generation.llama import LlamaModel
from ragstone.generation.llama._scheduler import Job
from ragstone.generation.sampling import Message, Sampling

Check = Callable[..., None]
QUESTIONS: list[list[Message]] = [
    [{"role": "user", "content": text}]
    for text in (
        "Name three colours.",
        "What is the capital of France?",
        "Write one sentence about the sea.",
        "How many legs has a spider?",
        "What is water?",
        "Which month comes after May?",
    )
]


@pytest.fixture(scope="module")
def model(shallow_model_path: Path) -> Iterator[LlamaModel]:
    with LlamaModel(shallow_model_path, context_tokens=1024, threads=1, parallel=3) as model:
        yield model


def text(completion: Completion) -> str:
    return "".join(completion)


def test_a_second_answer_can_be_had_in_the_middle_of_the_first(model: LlamaModel, assert_likeliest: Check) -> None:
    first = iter(model.generate(QUESTIONS[0], Sampling(max_tokens=12)))
    begun = next(first)
    second = text(model.generate(QUESTIONS[1], Sampling(max_tokens=12)))
    assert_likeliest(model, QUESTIONS[1], second)
    assert_likeliest(model, QUESTIONS[0], begun + "".join(first))


def test_more_answers_than_places_wait_in_a_queue_and_all_are_given(model: LlamaModel, assert_likeliest: Check) -> None:
    begun = [iter(model.generate(question, Sampling(max_tokens=8))) for question in QUESTIONS]
    firsts = [next(pieces) for pieces in begun]
    whole = [first + "".join(pieces) for first, pieces in zip(firsts, begun, strict=True)]
    for question, answer in zip(QUESTIONS, whole, strict=True):
        assert_likeliest(model, question, answer)


def test_threads_get_answers_to_their_own_questions(model: LlamaModel, assert_likeliest: Check) -> None:
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        answers[number] = text(model.generate(QUESTIONS[number], Sampling(max_tokens=24)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(QUESTIONS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for number, question in enumerate(QUESTIONS):
        assert_likeliest(model, question, answers[number])


def test_an_answer_that_is_stopped_does_no_harm_to_another(model: LlamaModel, assert_likeliest: Check) -> None:
    stopped, kept = (iter(model.generate(question, Sampling(max_tokens=20))) for question in QUESTIONS[1:3])
    begun = [next(stopped), next(kept)]
    stopped.close()  # type: ignore[attr-defined]
    assert_likeliest(model, QUESTIONS[2], begun[1] + "".join(kept))


def test_an_answer_that_nobody_reads_on_holds_up_no_one(model: LlamaModel) -> None:
    forgotten = [iter(model.generate(question, Sampling(max_tokens=100))) for question in QUESTIONS[:3]]
    for pieces in forgotten:
        next(pieces)
    assert text(model.generate(QUESTIONS[3], Sampling(max_tokens=4)))
    for pieces in forgotten:
        pieces.close()  # type: ignore[attr-defined]


def test_an_answer_that_is_dropped_gives_its_place_back(model: LlamaModel) -> None:
    for question in QUESTIONS:
        next(iter(model.generate(question, Sampling(max_tokens=200))))
    assert text(model.generate(QUESTIONS[0], Sampling(max_tokens=4)))
    assert [place.job for place in model._scheduler._places] == [None] * 3


def test_an_answer_that_takes_too_long_ends_with_what_there_is(shallow_model_path: Path) -> None:
    with LlamaModel(shallow_model_path, context_tokens=2048, threads=1, timeout_s=1.0) as model:
        completion = model.generate(QUESTIONS[2], Sampling(max_tokens=1500, grammar="root ::= [a-z] root"))
        started = time.monotonic()
        assert text(completion)
        assert time.monotonic() - started < 10
        assert completion.finish_reason == "timeout"


def test_answers_asked_for_in_the_middle_of_a_step_are_neither_lost_nor_in_its_way(model: LlamaModel) -> None:
    scheduler, asked, end = model._scheduler, list[Job](), threading.Event()
    switched = sys.getswitchinterval()

    def ask() -> None:
        asked.append(Job([1, 2, 3], lambda _: None, 1))
        scheduler.submit(asked[-1])

    def go_on_asking() -> None:
        while not end.wait(1e-5):
            ask()

    pieces = iter(model.generate(QUESTIONS[0], Sampling(max_tokens=20)))
    next(pieces)
    for _ in range(10_000):  # to look through them takes a while
        ask()
    thread = threading.Thread(target=go_on_asking)
    thread.start()
    sys.setswitchinterval(1e-5)
    try:
        "".join(pieces)
    finally:
        sys.setswitchinterval(switched)
        end.set()
        thread.join()
        waiting = set(map(id, scheduler._jobs()))
        lost = [job for job in asked if not job.done and id(job) not in waiting]
        for job in asked:
            job.cancelled = True
        scheduler.cancel(asked[0])
    assert not lost


def test_a_prompt_that_needs_the_whole_context_waits_for_its_turn(model: LlamaModel) -> None:
    first = iter(model.generate(QUESTIONS[0], Sampling(max_tokens=150)))
    next(first)
    second = model.generate(QUESTIONS[1], Sampling(max_tokens=900))
    pieces = iter(second)
    assert next(pieces)  # the first one has ended, or there was room
    assert "".join(first)
    pieces.close()  # type: ignore[attr-defined]


def test_ctrl_c_in_the_middle_of_a_step_leaves_the_others_whole(
    model: LlamaModel, assert_likeliest: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, stopped = (iter(model.generate(QUESTIONS[n], Sampling(max_tokens=16))) for n in (4, 5))
    begun = next(kept)
    read = model._context.read

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(model._context, "read", interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(stopped)
    monkeypatch.setattr(model._context, "read", read)
    assert_likeliest(model, QUESTIONS[4], begun + "".join(kept))


def test_a_closed_model_says_so_and_holds_nothing_for_what_is_asked_of_it(shallow_model_path: Path) -> None:
    model = LlamaModel(shallow_model_path, context_tokens=512, threads=1)
    pieces = iter(model.generate(QUESTIONS[0], Sampling(max_tokens=100)))
    next(pieces)
    model.close()
    model.close()
    "".join(pieces)  # it has ended
    with pytest.raises(GenerationError, match="the model was closed"):
        text(model.generate(QUESTIONS[0], Sampling(max_tokens=4)))
    ended = []
    with pytest.raises(GenerationError, match="the model was closed"):
        model._scheduler.submit(Job([1, 2, 3], lambda _: None, 1, lambda: ended.append("freed")))
    assert ended == ["freed"]
