"""A prompt that begins like one before is not read again: in memory, and on disk across processes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ragstone.generation.chat_model import TokenLogprob
from ragstone.generation.llama import LlamaModel, PrefixCache
from ragstone.generation.llama._prefixes import shared
from ragstone.generation.llama._scheduler import Job
from ragstone.generation.sampling import Message, Sampling

PASSAGES = "".join(
    f"[{n}] The pump number {n} was made in {1900 + n} and weighs {n * 3} kilograms.\n" for n in range(9)
)
Open = Callable[..., LlamaModel]


def asked(question: str, passages: str = PASSAGES) -> list[Message]:
    return [
        {"role": "system", "content": "Answer by the passages."},
        {"role": "user", "content": f"{passages}\n{question}"},
    ]


def read(model: LlamaModel, messages: list[Message]) -> tuple[str, int | None]:
    """The answer, and how many tokens of the prompt were read for it."""
    completion = model.generate(messages, Sampling(max_tokens=8))
    return "".join(completion), completion.read_tokens


@pytest.fixture
def model(shallow_model_path: Path, tmp_path: Path) -> Iterator[Open]:
    opened: list[LlamaModel] = []

    def open_model(most_mb: float = 100, **options: object) -> LlamaModel:
        cache = PrefixCache(tmp_path / "prefixes", most_mb)
        opened.append(LlamaModel(shallow_model_path, context_tokens=2048, threads=1, prefix_cache=cache, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_model
    for one in opened:
        one.close()


@pytest.fixture
def files(tmp_path: Path) -> Callable[[], list[Path]]:
    return lambda: sorted((tmp_path / "prefixes").rglob("*.kv"))


def test_another_question_about_the_same_passages_reads_only_the_question(model: Open) -> None:
    llama = model()
    _, first = read(llama, asked("What does pump 3 weigh?"))
    answer, second = read(llama, asked("When was pump 7 made?"))
    assert first is not None
    assert second is not None
    assert second < 25 < 180 < first
    assert answer == read(model(parallel=1), asked("When was pump 7 made?"))[0]


def test_an_answer_is_the_same_to_the_last_bit_whatever_was_asked_before(model: Open) -> None:
    def answered(llama: LlamaModel, question: str, passages: str = PASSAGES) -> tuple[str, list[TokenLogprob]]:
        completion = llama.generate(asked(question, passages), Sampling(max_tokens=12, logprobs=3))
        return "".join(completion), completion.logprobs

    with model() as first:
        alone = answered(first, "What does pump 3 weigh?")
    again = model()  # it finds the prompt on disk
    assert answered(again, "What does pump 3 weigh?") == alone
    for question, passages in (("When?", PASSAGES), ("What?", PASSAGES[:700]), ("Who?", PASSAGES[:71]), ("A", "")):
        answered(again, question, passages)
        assert answered(again, "What does pump 3 weigh?") == alone
    for size in (480, 490):  # prompts that end just before and just behind a batch
        answered(again, "What?", "pump " * size)
    assert answered(again, "What does pump 3 weigh?") == alone


def logits_of(llama: LlamaModel, tokens: list[int], known: int) -> npt.NDArray[np.float32]:
    """Of the token after these, when so many of them were read before."""
    llama.forget()
    seen: list[npt.NDArray[np.float32]] = []
    if known:
        llama._run(Job(tokens[:known], lambda _: None, 1))
    llama._run(Job(tokens, lambda logits: seen.append(logits.copy()), 1))
    return seen[0]


def test_a_prompt_is_read_the_same_wherever_batches_end(model: Open) -> None:
    llama = model()
    for size in (485, 511):
        tokens = llama._weights.tokenize("pump " * size)
        fresh, after_some, after_most = (logits_of(llama, tokens, known) for known in (0, 200, len(tokens) - 2))
        assert (fresh == after_some).all()
        assert (fresh == after_most).all()


def test_several_prompts_stay_in_memory(model: Open) -> None:
    llama = model(parallel=3)
    short = [PASSAGES[:900] + f" {n}" for n in range(3)]
    for passages in short:
        read(llama, asked("What?", passages))
    for passages in short:
        assert (read(llama, asked("When?", passages))[1] or 0) < 25


def test_another_process_reads_only_what_is_new(model: Open, files: Callable[[], list[Path]]) -> None:
    first = model()
    answer, whole = read(first, asked("What does pump 3 weigh?"))
    first.close()
    assert len(files()) == 1
    second = model()
    assert read(second, asked("What does pump 3 weigh?")) == (answer, 2)
    third = model()
    assert (read(third, asked("When was pump 7 made?"))[1] or 0) < 25 < (whole or 0)


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_prompt_that_leaves_the_memory_is_found_on_disk(parallel: int, model: Open) -> None:
    llama = model(parallel=parallel)
    for number in range(4):
        read(llama, asked("What?", f"{number} {PASSAGES}"))
    for number in range(4):
        assert (read(llama, asked("When?", f"{number} {PASSAGES}"))[1] or 0) < 25


def test_the_first_question_over_other_passages_finds_the_system_prompt_read(model: Open) -> None:
    long: list[Message] = [
        {"role": "system", "content": "Be brief and exact. " * 20},
        {"role": "user", "content": "A?"},
    ]
    other: list[Message] = [long[0], {"role": "user", "content": "What is the sea made of?"}]
    with model() as first:
        read(first, long)
    _, count = read(model(), other)
    assert (count or 0) < 25


def test_prefixes_are_kept_for_their_owner_only(model: Open, files: Callable[[], list[Path]]) -> None:
    with model() as llama:
        read(llama, asked("What?"))
    assert [path.stat().st_mode & 0o077 for path in (files()[0], files()[0].parent)] == [0, 0]


@pytest.mark.parametrize("damage", ["state", "tokens", "cut", "empty"])
def test_a_damaged_file_is_deleted_and_the_prompt_read(
    damage: str, model: Open, files: Callable[[], list[Path]]
) -> None:
    with model() as llama:
        answer, whole = read(llama, asked("What does pump 3 weigh?"))
    (path,) = files()
    data = bytearray(path.read_bytes())
    if damage == "state":
        data[len(data) // 2] ^= 1
    elif damage == "tokens":
        data[16 + 4 * (whole or 0) - 2] ^= 1
    path.write_bytes(data[: len(data) // 2] if damage == "cut" else b"" if damage == "empty" else data)
    assert read(model(), asked("What does pump 3 weigh?")) == (answer, whole)


def test_what_another_setting_has_read_is_not_taken(model: Open, files: Callable[[], list[Path]]) -> None:
    with model() as llama:
        _, whole = read(llama, asked("What?"))
    with model(kv_type="q8_0") as other:
        assert read(other, asked("What?"))[1] == whole
    assert len(files()) == 2


def test_what_other_weights_have_read_is_not_taken(shallow_model_path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model.gguf"
    copy.write_bytes(shallow_model_path.read_bytes())
    for change in range(2):
        os.utime(copy, (change, change))
        cache = PrefixCache(tmp_path / "prefixes")
        with LlamaModel(copy, context_tokens=2048, threads=1, prefix_cache=cache) as llama:
            assert (read(llama, asked("What?"))[1] or 0) > 180


def test_the_folder_stays_within_its_limit_and_loses_what_was_used_longest_ago(
    model: Open, files: Callable[[], list[Path]]
) -> None:
    names = []
    for number in range(3):
        with model(most_mb=4.3) as llama:  # two of them fit
            read(llama, asked("What?", f"{number} {PASSAGES * 3}"[:1500]))
        names.append({path.name for path in files()})
    assert sum(path.stat().st_size for path in files()) <= 4.3 * (1 << 20)
    assert len(names[2]) == 2
    assert not names[0] & names[2]


def test_what_is_to_be_loaded_makes_room_last(model: Open) -> None:
    prompts = [asked("What?", f"{number} {PASSAGES * 3}"[:1500]) for number in range(3)]
    with model(most_mb=4.3, parallel=1) as two_fit:
        for prompt in prompts:
            read(two_fit, prompt)
        assert (read(two_fit, prompts[0])[1] or 0) < 25  # the one in memory is stored now, and another one goes
    with model(most_mb=2.3, parallel=1) as one_fits:
        said = [read(one_fits, prompt)[0] for prompt in prompts[:2]]
        assert [read(one_fits, prompt)[0] for prompt in prompts[:2]] == said


def test_a_folder_that_cannot_be_written_to_does_no_harm(shallow_model_path: Path, tmp_path: Path) -> None:
    (tmp_path / "prefixes").write_text("a file")
    with LlamaModel(
        shallow_model_path, context_tokens=2048, threads=1, prefix_cache=PrefixCache(tmp_path / "prefixes")
    ) as llama:
        assert read(llama, asked("What?"))[0]


def test_what_is_shared_ends_at_the_first_difference() -> None:
    assert shared([1, 2, 3], [1, 2, 4]) == 2
    assert shared([1, 2], [1, 2, 3]) == 2
    assert shared([], [1]) == 0


def test_what_is_forgotten_while_it_is_answered_is_not_stored_afterwards(
    model: Open, files: Callable[[], list[Path]]
) -> None:
    llama = model()
    secret: list[Message] = [{"role": "user", "content": "The secret is hunter2. " * 60}]
    answer = iter(llama.generate(secret, Sampling(max_tokens=8)))
    next(answer)
    llama.forget()
    list(answer)
    llama.close()
    assert files() == []
    llama.forget()  # of a closed model, there is nothing to forget
