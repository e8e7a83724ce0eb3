"""ragas as a judge, with the models of this machine, and without the network.

What ragas 0.4.3 needs to be of use here: no telemetry; answers that are JSON whatever the model, for which its prompts'
own schemas constrain what is written; a failed judgement is tried again once and then unscored, where ragas would
return NaN.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ...errors import ContextOverflowError, GenerationError, SettingsError
from ...generation.sampling import Sampling
from . import NO_PASSAGES, NO_QUESTION, NO_REFERENCE, Case, Judgement

if TYPE_CHECKING:
    from ...generation.chat_model import ChatModel
    from ...retrieval.embedding import Embedder

VERSION = "0.4.3"
_QUIET = {"RAGAS_DO_NOT_TRACK": "true", "LANGSMITH_TRACING": "false", "LANGCHAIN_TRACING_V2": "false"}
_SCHEMA_AFTER = "following schema as specified in JSON Schema:\n"
"""What stands before the schema in a prompt of ragas."""

METRICS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "faithfulness": ("Faithfulness", ("user_input", "response", "retrieved_contexts")),
    "answer relevancy": ("ResponseRelevancy", ("user_input", "response")),
    "context precision": (
        "LLMContextPrecisionWithReference",
        ("user_input", "retrieved_contexts", "reference"),
    ),
    "context utilization": (
        "LLMContextPrecisionWithoutReference",
        ("user_input", "response", "retrieved_contexts"),
    ),
    "context recall": ("LLMContextRecall", ("user_input", "retrieved_contexts", "reference")),
    "factual correctness": ("FactualCorrectness", ("response", "reference")),
}
"""By our name, ragas' class and the columns that it needs."""
_LACKS = {
    "user_input": NO_QUESTION,
    "retrieved_contexts": NO_PASSAGES,
    "reference": NO_REFERENCE,
    "response": "no answer",
}


class RagasJudge:
    """Judges with ragas' own prompts and definitions.

    A judgement that fails, or that is no number, is tried again once with other random numbers; then it is unscored.

    Args:
        model: Writes what ragas asks for.
        embedder: Compares questions, for `answer relevancy`; without one this metric is not given.
        seed: Of the tokens drawn; ragas draws nearly greedily, and three questions for `answer relevancy`.
        max_tokens: The longest thing that the model writes at a time.
        weights: What tells the model's weights apart, such as their SHA-256.
        code: What tells one state of the code that judges from another.

    Raises:
        SettingsError: ragas is not installed, or it is another version.
    """

    decides_by = ("faithfulness", 1.0)

    def __init__(
        self,
        model: ChatModel,
        embedder: Embedder | None = None,
        seed: int = 0,
        max_tokens: int = 1200,
        weights: str = "",
        code: str = "",
    ) -> None:
        self._ragas = _imported()
        self._llm = self._ragas.llm(model, seed, max_tokens)
        embeddings = None if embedder is None else self._ragas.embeddings(embedder)
        self.name = f"ragas:{model.name}"
        self.metrics = tuple(name for name in METRICS if embedder is not None or name != "answer relevancy")
        self._metrics = {name: self._ragas.metric(METRICS[name][0], self._llm, embeddings) for name in self.metrics}
        self.identity: Mapping[str, str] = {
            "ragas": VERSION,
            "model": model.name,
            "weights": weights,
            "code": code,
            "embedder": "" if embedder is None else embedder.identity.sha256,
            "seed": str(seed),
            "max_tokens": str(max_tokens),
        }

    def judge(self, case: Case, metrics: tuple[str, ...] = ()) -> Judgement:
        """See `Judge.judge`."""
        given = {
            "user_input": case.question,
            "response": case.answer,
            "retrieved_contexts": list(case.passages),
            "reference": case.reference or "",
        }
        scores: dict[str, float | None] = {}
        reasons: dict[str, str] = {}
        for name in metrics or self.metrics:
            columns = METRICS[name][1]
            # A claim may be judged without a question: ragas only shows it.
            lacking = [column for column in columns if not given[column] and (name, column) != _OPTIONAL]
            if lacking:
                scores[name], reasons[name] = None, _LACKS[lacking[0]]
                continue
            scores[name], why = self._tried(name, {column: given[column] for column in columns})
            if scores[name] is None:
                reasons[name] = why
        return Judgement(scores, reasons)

    def _tried(self, name: str, columns: dict[str, Any]) -> tuple[float | None, str]:
        why = ""
        for attempt in range(2):
            self._llm.attempt = attempt
            sample = self._ragas.sample(**columns)
            try:
                score = float(_finished(self._metrics[name].single_turn_ascore(sample)))
            except (*self._ragas.failures, ContextOverflowError, GenerationError) as error:
                why = f"{type(error).__name__}: {error}"
                continue
            if math.isfinite(score):
                return min(1.0, max(0.0, score)), ""  # a cosine can be a little above 1, or below 0
            why = "ragas found nothing to score (NaN)"
        return None, why


_OPTIONAL = ("faithfulness", "user_input")


def _finished(work: Coroutine[Any, Any, float]) -> float:
    """Run a coroutine to its end in a loop of its own, also where this thread has one that runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def _imported() -> SimpleNamespace:
    """What is used of ragas: imported late, for it is an extra, takes seconds, and looks at the environment then."""
    try:
        found = version("ragas")
    except PackageNotFoundError as error:
        raise SettingsError(
            "ragas is not installed", remedy="Run pip install -r requirements-ragas.txt, in an environment of its own"
        ) from error
    if found != VERSION:
        raise SettingsError(f"ragas is {found}", remedy=f"Install ragas=={VERSION}: its prompts make the scores")
    os.environ.update(_QUIET)
    from . import _ragas_parts

    return _ragas_parts.PARTS


def schema_of(prompt: str) -> dict[str, Any]:
    """The JSON schema that a prompt of ragas asks for.

    Raises:
        GenerationError: It names none.
    """
    _, found, after = prompt.partition(_SCHEMA_AFTER)
    if not found:
        raise GenerationError("a prompt of ragas names no JSON schema", remedy=f"Install ragas=={VERSION}")
    schema: dict[str, Any] = json.JSONDecoder().raw_decode(after)[0]
    return schema


def constrained(
    model: ChatModel, prompt: str, max_tokens: int, temperature: float, seed: int, *, again: bool = False
) -> tuple[str, bool]:
    """What a model writes to a prompt of ragas, and whether it came to an end; `again` no list may be empty.

    A small model likes to answer that there are no statements, of which ragas makes NaN.
    """
    schema = schema_of(prompt)
    if again:
        for field in schema.get("properties", {}).values():
            if field.get("type") == "array":
                field["minItems"] = 1
    sampling = Sampling(max_tokens=max_tokens, temperature=temperature, seed=seed, schema=schema)
    completion = model.generate([{"role": "user", "content": prompt}], sampling)
    text = "".join(completion)
    return text, completion.finish_reason == "stop"
