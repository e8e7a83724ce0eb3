"""What `ragstone models bench` measures: speed, memory and the quality of answers about the sample documents.

Every figure comes from a process of its own, so that a model's memory is its own, and is returned.
"""

from __future__ import annotations

import math
import os
import platform
import statistics
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ..errors import GenerationError, ModelLoadError, RagstoneError, SourceError
from ..eval.metrics.answers import best_subspan_em
from ..eval.stats import Estimate, estimate
from ..generation.energy import Energy, Meter
from .engine import Ragstone
from .machine import cores, memory_bytes, peak_bytes, processor
from .model_settings import as_sampling
from .settings import Settings

if TYPE_CHECKING:
    from ..generation.llama import Perplexity
    from ..generation.llama.speed import Facts, LlamaBench, Speed

SAMPLES = Path(__file__).parent / "samples"
QUESTIONS = Path(__file__).parent / "sample_questions.toml"
FIRST_TOKENS = 5
"""Questions whose first token is timed."""
PERPLEXITY_CHARACTERS = 80_000
"""Of the user's documents that a model reads."""
_PIECE = 4_000
"""Characters of one document in a row."""

P = ParamSpec("P")
T = TypeVar("T")
Tell = Callable[[str], None]
"""Told what is being done."""


@dataclass(frozen=True, slots=True)
class Question:
    """One about the sample documents."""

    text: str
    answer: str
    """What a right answer contains; empty when the documents do not answer."""

    def score(self, answer: str, abstained: bool) -> float:
        """1.0 for a right answer, or a right abstention; else 0.0."""
        if not self.answer:
            return float(abstained)
        return 0.0 if abstained else best_subspan_em(answer, [self.answer])


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure."""

    rounds: int = 5
    """Of each speed, with llama-bench in turn."""
    prefill: int = 512
    """Tokens."""
    decode: int = 128
    """Tokens."""
    questions: Sequence[Question] = ()
    """That are answered and scored."""
    texts: Sequence[str] = ()
    """Whose perplexity is measured."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What answering the questions came to."""

    questions: Sequence[Question]
    correct: list[float | None]
    """1.0 or 0.0 by question; None where no answer could be made."""
    total_ms: list[float | None]
    energy: list[Energy]
    """By question."""

    def estimate(self, answerable: bool | None = None) -> Estimate:
        """The share that is right, of all questions, or of those that can or cannot be answered."""
        scored = zip(self.questions, self.correct, strict=True)
        return estimate([value for q, value in scored if answerable in (None, bool(q.answer))])

    @property
    def joules(self) -> Estimate:
        """Of an answer."""
        return estimate([energy.joules for energy in self.energy])

    @property
    def energy_reason(self) -> str:
        """Why there are no joules; empty if there are."""
        return next((energy.reason for energy in self.energy if energy.reason), "")


@dataclass(slots=True)
class ModelBench:
    """What was measured of one model."""

    name: str
    """As it was asked for."""
    path: Path
    licence: str | None = None
    facts: Facts | None = None
    threads: int = 0
    ours: list[Speed] = field(default_factory=list)
    """Of each round."""
    theirs: list[Speed] = field(default_factory=list)
    """llama-bench's, of each round; empty if it did not run."""
    no_ratio: str = ""
    """Why it did not."""
    peak_bytes: float = 0
    """The most resident memory of a process that read and wrote with the model, the mapped file's pages included."""
    first_token_ms: list[float] = field(default_factory=list)
    """Of questions whose prompts were all new."""
    prompt_tokens: list[int] = field(default_factory=list)
    """Of these."""
    answered: Answered | None = None
    perplexity: Perplexity | None = None
    error: RagstoneError | None = None
    """Why there is no more."""

    @property
    def bytes(self) -> int:
        """Of the file."""
        return self.path.stat().st_size

    def tps(self, which: str, runs: Sequence[Speed]) -> float | None:
        """The median over rounds of `prefill` or `decode`, in tokens a second."""
        return statistics.median(getattr(run, which) for run in runs) if runs else None

    def ratio(self, which: str) -> float | None:
        """Ours over llama-bench's: the median of the rounds' ratios, for a round's two runs are next to each other."""
        pairs = zip(self.ours, self.theirs, strict=False)
        ratios = [getattr(ours, which) / getattr(theirs, which) for ours, theirs in pairs]
        return statistics.median(ratios) if ratios else None

    @property
    def values(self) -> dict[str, float | None]:
        """By criterion of `eval.decision`."""
        answered, facts = self.answered, self.facts
        return {
            "accuracy": answered.estimate().mean if answered else None,
            "speed": self.tps("decode", self.ours),
            "latency": statistics.median(self.first_token_ms) if self.first_token_ms else None,
            "cost": answered.joules.mean if answered else None,
            "context": float(facts.trained_tokens) if facts else None,
            "privacy": 1.0,  # they all run here
            "deployment": (self.bytes + self.peak_bytes) / 1e6 if self.peak_bytes else None,
            "bias": None,
        }


def bench(
    models: Sequence[tuple[str, Path, str | None]],
    plan: Plan,
    settings: Settings,
    tool: LlamaBench | None,
    tell: Tell = lambda _: None,
) -> Iterator[ModelBench]:
    """Measure models, one after the other; one that cannot be used carries its error.

    Args:
        models: Of each its name, its GGUF file, and its licence if it is known.
        plan: What to measure.
        settings: How the models are run, but for `model`, `server` and what is kept of prompts.
        tool: llama.cpp's own.
        tell: Told of the progress.
    """
    with tempfile.TemporaryDirectory(prefix="ragstone-bench-") as folder:
        library = Path(folder) / "library"
        used = replace(settings, library=library, server="", prefix_cache_mb=0, monitor="off")
        tell("the sample documents are ingested")
        with Ragstone.open(library, settings=used) as rag:
            rag.ingest(SAMPLES)
        for name, path, licence in models:
            result = ModelBench(name, path, licence)
            try:
                _measure(result, plan, replace(used, model=str(path)), tool, tell)
            except RagstoneError as error:
                result.error = error
            yield result


def _measure(result: ModelBench, plan: Plan, settings: Settings, tool: LlamaBench | None, tell: Tell) -> None:
    name = result.name
    for number in range(plan.rounds):
        tell(f"{name}: speed, round {number + 1} of {plan.rounds}")
        _round(result, plan, settings, tool, ours_first=not number % 2)
    tell(f"{name}: first token")
    easy = [question.text for question in read_questions() if question.answer]
    result.first_token_ms, result.prompt_tokens = _alone(_first_tokens, settings, easy[: FIRST_TOKENS + 1])
    if plan.questions:
        tell(f"{name}: answers to {len(plan.questions)} questions")
        result.answered = _alone(_answer, settings, plan.questions)
    if plan.texts:
        tell(f"{name}: perplexity")
        result.perplexity = _alone(_perplexity, settings, plan.texts)


def _round(result: ModelBench, plan: Plan, settings: Settings, tool: LlamaBench | None, *, ours_first: bool) -> None:
    """Each speed once, by us and by llama-bench, which goes first in every other round."""
    from ..generation.llama import physical_cores

    result.threads = settings.threads or physical_cores()
    if not ours_first:
        _run_tool(result, plan, settings, tool)
    fixed = replace(settings, threads=result.threads)  # llama-bench gives no thread up for other programs
    speed, result.facts, peak = _alone(_speed, fixed, plan.prefill, plan.decode)
    result.ours.append(speed)
    result.peak_bytes = max(result.peak_bytes, peak)
    result.licence = result.licence or result.facts.licence
    if ours_first:
        _run_tool(result, plan, settings, tool)


def _run_tool(result: ModelBench, plan: Plan, settings: Settings, tool: LlamaBench | None) -> None:
    if tool is None or result.no_ratio:
        result.no_ratio = result.no_ratio or "no llama-bench"
        return
    s: Any = settings  # its choices are plain strings, checked by Settings
    layers = result.facts.gpu_layers if result.facts else 0
    try:
        speed = tool.measure(
            *(result.path,),
            threads=result.threads,
            gpu_layers=layers,
            kv_type=s.kv_type,
            flash_attention=s.flash_attention,
            prefill=plan.prefill,
            decode=plan.decode,
        )
    except ModelLoadError as error:  # Ragstone's own figures are of use without it
        result.no_ratio, result.theirs = str(error), []
    else:
        result.theirs.append(speed)


# What runs in a process of its own


def _alone(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a function in a process of its own."""
    with _safe_path(), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(function, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise ModelLoadError(
                "the process that ran it ended without a word, as the system ends one when there is no memory left",
                remedy="Choose a smaller model, or lower context_tokens",
            ) from error


@contextmanager
def _safe_path() -> Iterator[None]:
    """As `-P` does for a command, keep children of multiprocessing from importing the working directory's files."""
    name = "PYTHONSAFEPATH"
    before = os.environ.get(name, "")  # Python takes an empty one for none
    os.environ[name] = "1"
    try:
        yield
    finally:
        os.environ[name] = before


def _speed(settings: Settings, prefill: int, decode: int) -> tuple[Speed, Facts, float]:
    from ..generation.llama.speed import facts_of, measure

    with Ragstone.open(settings.library, create=False, settings=settings) as rag, rag.held_model() as model:
        speed = measure(model, as_sampling(settings), prefill, decode)
        return speed, facts_of(model), peak_bytes()


def _first_tokens(settings: Settings, questions: Sequence[str]) -> tuple[list[float], list[int]]:
    """Milliseconds from a question to its first token, and tokens of the prompt; the first one is for warming up."""
    at_once = replace(settings, min_confidence=0.0, max_tokens=1)
    with Ragstone.open(settings.library, create=False, settings=at_once) as rag:
        answers = []
        for question in questions:
            rag.load_model().forget()
            answers.append(rag.ask(question))
    return [a.timings_ms["first_token"] for a in answers[1:]], [a.tokens["prompt"] for a in answers[1:]]


def _answer(settings: Settings, questions: Sequence[Question]) -> Answered:
    answered = Answered(questions, [], [], [])
    with Ragstone.open(settings.library, create=False, settings=settings) as rag, rag.held_model() as model:
        rag.search(questions[0].text)  # the embedding model is loaded by now
        meter = Meter(gpu=bool(model.offload.layers))
        for question in questions:
            taken = meter.start()
            try:
                answer = rag.ask(question.text)
            except GenerationError:  # unscored, and counted as that
                answered.correct.append(None)
                answered.total_ms.append(None)
                answered.energy.append(Energy(None, "a question could not be answered"))
                continue
            answered.energy.append(taken())
            answered.correct.append(question.score(answer.text, answer.abstained))
            answered.total_ms.append(answer.timings_ms["total"])
    return answered


def _perplexity(settings: Settings, texts: Sequence[str]) -> Perplexity:
    with Ragstone.open(settings.library, create=False, settings=settings) as rag, rag.held_model() as model:
        return model.perplexity(texts)


# What is measured with


def read_questions(most: int | None = None) -> list[Question]:
    """The questions about the sample documents, or so many of them, evenly spread over all kinds."""
    told = tomllib.loads(QUESTIONS.read_text("utf-8"))["question"]
    questions = [Question(row["text"], row["answer"]) for row in told]
    if most is None or most >= len(questions):
        return questions
    return [questions[math.floor((number + 0.5) * len(questions) / most)] for number in range(most)]


def texts_of(rag: Ragstone, characters: int = PERPLEXITY_CHARACTERS) -> list[str]:
    """Pieces of the library's documents, in their order and evenly spread over them, of so many characters in all.

    Short documents are read one after the other, as in published corpora.

    Raises:
        SourceError: There is no text.
    """
    ids = [document.id for document in rag.library.documents()]
    whole = sum(len(rag.library.text(one)) for one in ids)
    if not whole:
        raise SourceError("the library holds no text", path=rag.library.named, remedy="Ingest documents first")
    count = max(1, min(whole, characters) // _PIECE)
    starts = [number * whole // count for number in range(count)]
    pieces, at = [""] * count, 0
    for one in ids:
        text = rag.library.text(one)
        for number, start in enumerate(starts):
            if part := text[max(0, start - at) : max(0, start + _PIECE - at)]:
                pieces[number] += f"\n\n{part}" if pieces[number] else part
        at += len(text)
    return pieces


def machine() -> dict[str, Any]:
    """The machine that was measured on; `load` is of the last minute, in busy cores, before anything was run."""
    return {
        "cpu": processor(),
        "cores": cores(),
        "memory_bytes": memory_bytes(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2),
    }
