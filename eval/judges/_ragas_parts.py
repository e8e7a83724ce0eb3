"""The classes that inherit from those of ragas; to import this is to import ragas."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from langchain_core.outputs import Generation, LLMResult
from pydantic import ValidationError
from ragas.dataset_schema import SingleTurnSample
from ragas.embeddings.base import BaseRagasEmbeddings
from ragas.exceptions import RagasException
from ragas.llms.base import BaseRagasLLM
from ragas.metrics._answer_relevance import ResponseRelevancy  # out of ragas.metrics they warn
from ragas.metrics._context_precision import LLMContextPrecisionWithoutReference, LLMContextPrecisionWithReference
from ragas.metrics._context_recall import LLMContextRecall
from ragas.metrics._factual_correctness import FactualCorrectness
from ragas.metrics._faithfulness import Faithfulness
from ragas.run_config import RunConfig

from .ragas import constrained

if TYPE_CHECKING:
    from ...generation.chat_model import ChatModel
    from ...retrieval.embedding import Embedder

METRICS = {
    one.__name__: one
    for one in (
        Faithfulness,
        ResponseRelevancy,
        LLMContextPrecisionWithReference,
        LLMContextPrecisionWithoutReference,
        LLMContextRecall,
        FactualCorrectness,
    )
}
ONCE = RunConfig(max_retries=1, max_workers=1)
"""ragas would try ten times, and wait up to a minute in between."""
RETRY_TEMPERATURE = 0.3


class ChatModelLLM(BaseRagasLLM):  # type: ignore[misc]
    """Our chat model as ragas wants one; what it writes is of the schema that the prompt asks for."""

    def __init__(self, model: ChatModel, seed: int, max_tokens: int) -> None:
        super().__init__(run_config=ONCE)
        self._model, self._seed, self._max_tokens = model, seed, max_tokens
        self.attempt = 0

    def generate_text(
        self, prompt: Any, n: int = 1, temperature: float | None = 0.01, stop: Any = None, callbacks: Any = None
    ) -> LLMResult:
        """Write n texts, each with random numbers of its own."""
        heat = max(temperature or 0.0, RETRY_TEMPERATURE if self.attempt else 0.0)
        written = []
        for one in range(n):
            seed = self._seed + self.attempt * n + one
            asked = prompt.to_string()
            text, ended = constrained(self._model, asked, self._max_tokens, heat, seed, again=bool(self.attempt))
            written.append(Generation(text=text, generation_info={"ended": ended}))
        return LLMResult(generations=[written])

    async def agenerate_text(
        self, prompt: Any, n: int = 1, temperature: float | None = 0.01, stop: Any = None, callbacks: Any = None
    ) -> LLMResult:
        """The same; it keeps the loop busy, which has nothing else to do."""
        return self.generate_text(prompt, n, temperature)

    def is_finished(self, response: LLMResult) -> bool:
        """Whether every text came to an end."""
        return all(one.generation_info["ended"] for of in response.generations for one in of)


class OurEmbeddings(BaseRagasEmbeddings):  # type: ignore[misc]
    """Our embedder as ragas wants one. Both sides are questions, so both are embedded as queries."""

    def __init__(self, embedder: Embedder) -> None:
        super().__init__()
        self._embedder = embedder
        self.set_run_config(ONCE)

    def embed_query(self, text: str) -> list[float]:
        """One vector."""
        return [float(value) for value in self._embedder.embed_query(text)]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each."""
        return [self.embed_query(text) for text in texts]

    async def aembed_query(self, text: str) -> list[float]:
        """One vector."""
        return self.embed_query(text)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each."""
        return self.embed_documents(texts)


def _metric(name: str, llm: ChatModelLLM, embeddings: OurEmbeddings | None) -> Any:
    metric = METRICS[name]()
    metric.llm = llm
    if hasattr(metric, "embeddings"):
        metric.embeddings = embeddings
    return metric


PARTS = SimpleNamespace(
    llm=ChatModelLLM,
    embeddings=OurEmbeddings,
    metric=_metric,
    sample=SingleTurnSample,
    failures=(RagasException, ValidationError, ValueError),
)
