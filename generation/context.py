"""Which hits enter the model's context, and how they stand there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import ContextOverflowError
from ..retrieval.records import Hit
from .guarding import OMITTED, cleaned, hidden_spans
from .prompts import Examples, PromptIdentity, Prompts, ShownPassage, Style, shown
from .sampling import Message
from .spans import Spans
from .trimming import Economy

if TYPE_CHECKING:
    from .prompts.template import Prompt


@dataclass(frozen=True, slots=True)
class Passage:
    """A hit as the model sees it, under the number by which it is cited."""

    n: int
    hit: Hit
    spans: Spans | None = None
    """What is shown of the chunk's text; None for the passage as it is."""
    guarded: bool = True
    """Title, headings and the header of its table are kept from speaking to the assistant, too."""

    @property
    def label(self) -> str:
        """Title, heading path and page: words of the source that the passage itself may lack."""
        chunk = self.hit.chunk
        page = f"page {chunk.page}" if chunk.page is not None else ""
        return ", ".join(part for part in (self._clean(chunk.title), self._clean(chunk.heading), page) if part)

    def shown(self) -> ShownPassage:
        """As the prompt shows it."""
        chunk = self.hit.chunk
        spans = ((0, len(chunk.text)),) if self.spans is None else self.spans
        text = OMITTED.join(chunk.text[start:end] for start, end in spans)
        header = self._clean(chunk.table_header)
        return shown(self.n, self.label, f"{header}\n{text}" if header else text)

    @property
    def evidence(self) -> str:
        """`chunk.passage` as sentences are held against it: blank where it speaks to the assistant."""
        chunk = self.hit.chunk
        text, before = chunk.passage, len(chunk.passage) - len(chunk.text)
        for start, end in hidden_spans(chunk) if self.guarded else ():
            text = text[: before + start] + " " * (end - start) + text[before + end :]
        return text

    def _clean(self, text: str) -> str:
        return cleaned(text) if self.guarded else text


@dataclass(frozen=True, slots=True)
class Asking:
    """How the model is asked.

    What changes least comes first: the system's words, the examples, the passages, and last the question. So the same
    passages under another question begin alike, and are read once.
    """

    answer: Prompt
    """Asks for the answer."""
    holds: Prompt
    """Asks whether the passages hold it."""
    examples: Examples = field(default_factory=Examples)

    @classmethod
    def of(cls, prompts: Prompts, style: Style = "answer", examples: Examples | None = None) -> Asking:
        """Ask with these prompts.

        Raises:
            SettingsError: One of them cannot be used.
        """
        return cls(prompts.get(style), prompts.get("holds"), examples or Examples())

    @property
    def identities(self) -> tuple[PromptIdentity, ...]:
        """Of all that shapes what the model is asked."""
        both = (self.answer.identity, self.holds.identity)
        return both if self.examples.identity is None else (*both, self.examples.identity)

    def for_answer(self, question: str, passages: Sequence[Passage]) -> list[Message]:
        """The prompt of the answer."""
        *system, user = self._turns(question, [passage.shown() for passage in passages])
        earlier: list[Message] = []
        for example in self.examples.of:
            earlier.append(self._turns(example.question, example.passages)[-1])
            earlier.append({"role": "assistant", "content": example.answer})
        return [*system, *earlier, user]

    def whether_held(self, asked: Sequence[Message]) -> list[Message]:
        """Asks whether the passages hold the answer that `asked` asks for; begins as it does."""
        return [*asked[:-1], *self.holds.render({"asked": asked[-1]["content"]})]

    def _turns(self, question: str, passages: Sequence[ShownPassage]) -> list[Message]:
        return self.answer.render({"question": question, "passages": passages})


@dataclass(frozen=True, slots=True)
class PackedContext:
    """The passages that fit, and what the model is asked about them."""

    passages: tuple[Passage, ...]
    prompt: list[Message]
    """Asks for the answer."""
    holds_prompt: list[Message]
    """Asks whether the passages hold it; begins as `prompt` does, so that the model reads the passages once."""
    tokens: int
    """Of `prompt`."""


def pack(
    question: str,
    hits: Sequence[Hit],
    count: Callable[[Sequence[Message]], int],
    budget: int,
    asking: Asking,
    economy: Economy | None = None,
) -> PackedContext:
    """Put as many hits as fit before the question, the best first; the number of each is its place among the hits.

    Args:
        question: The question.
        hits: Best first.
        count: How many tokens the prompt of these messages has.
        budget: The most tokens that a prompt may have.
        asking: The prompts.
        economy: What of the hits enters; by default all.

    Raises:
        ContextOverflowError: Not even one passage fits beside the question.
    """
    economy = economy or Economy()
    entering = [(n, hit) for n, hit in enumerate(hits, 1) if economy.earns(hit, hits)]
    passages = [Passage(n, hit, economy.spans(hit), economy.guarded) for n, hit in entering]
    passages = [passage for passage in passages if passage.spans != ()]  # of which nothing but an instruction is left
    while True:
        asked = asking.for_answer(question, passages)
        asked_whether = asking.whether_held(asked)
        taken = count(asked_whether)
        if taken <= budget:
            return PackedContext(tuple(passages), asked, asked_whether, count(asked))
        if len(passages) <= 1:
            raise ContextOverflowError(
                f"the question and one passage take {taken} tokens, and {budget} are free",
                remedy="Shorten the question, lower max_tokens or raise context_tokens",
            )
        passages.pop()
