"""A chat model that llama.cpp runs on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal

import llama_cpp
import numpy as np
import psutil

from ...errors import ContextOverflowError, GenerationError, ModelLoadError
from ..chat_model import Completion, TokenLogprob
from ..sampling import Message, Sampling
from ._context import Context
from ._drawing import Drawing, Logits, log_softmax
from ._likelihood import LogLikelihood, TokenRequest, encoded, log_likelihoods_of, tree_params
from ._memory import give_back
from ._offload import GpuLayers, physical_cores
from ._pace import Pace
from ._perplexity import Perplexity, perplexity_of
from ._prefixes import PrefixStore
from ._scheduler import Adapters, Job, Scheduler
from ._speculation import Draft, DraftModel, PromptLookup
from ._text import StreamedText
from ._weights import Weights
from .options import KV_BYTES, FlashAttention, KvType, PrefixCache, Rope, context_params, resolved

_ROPES: Mapping[Rope, int] = {"none": -1, "linear": 1, "yarn": 2}  # enum llama_rope_scaling_type; -1: the model's own


class LlamaModel:
    """A chat model. Calls from several threads share its time; those beyond `parallel` wait in a queue.

    Asked again, it answers the same, also where it finds its prompt read. Among answers in progress at the same time,
    what is nearly a tie may go either way.

    Args:
        path: The GGUF file.
        context_tokens: Prompt and answer together.
        gpu_layers: `auto` offloads as many layers as fit the GPU's memory with the context; `all` or a number is an
            error when it cannot be done.
        threads: CPU threads; 0 for one a physical core, fewer while others use the cores.
        parallel: Answers in progress at a time, and prompts that stay in memory; each takes a context's memory.
        kv_type: How keys and values are stored; q8_0 takes half the memory of f16, q4_0 a quarter.
        flash_attention: Attention without its whole matrix in memory, which a quantized memory needs. `auto` is off on
            a CPU with f16: only then is an answer the same to the last bit, whatever was asked before.
        rope: How positions are scaled in a context longer than the model was trained on.
        prefix_cache: Keeps on disk what was read of prompts; by default only memory does.
        prompt_lookup: Guess that answers copy from the prompt, which may make them come sooner; each token is still the
            likeliest, but what is nearly a tie may go either way.
        draft_model: A smaller model of the same vocabulary that guesses instead.
        timeout_s: The longest an answer may take, its time in the queue included.
        adapters: LoRA adapters, each the path of a GGUF file and a scale; 1 is what it was trained with.

    Raises:
        ModelLoadError: llama.cpp refuses the file, it has no chat template, or a GPU was asked for and is not used.
        GenerationError: `context_tokens` exceeds what the model was trained on, and `rope` is "none".
    """

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int = 4096,
        gpu_layers: GpuLayers = "auto",
        threads: int = 0,
        parallel: int = 2,
        kv_type: KvType = "f16",
        flash_attention: FlashAttention = "auto",
        rope: Rope = "none",
        prefix_cache: PrefixCache | None = None,
        prompt_lookup: bool = False,
        draft_model: Path | None = None,
        timeout_s: float = float("inf"),
        adapters: Adapters = (),
    ) -> None:
        self.path = path
        self.name = path.stem
        self.context_tokens = context_tokens
        self.threads = threads or physical_cores()
        self._pace = None if threads else Pace(self.threads)  # it looks at the machine while the file is read
        self._prompt_lookup = prompt_lookup
        self._timeout_s = timeout_s
        self._adapters = adapters
        self.flash_attention = resolved(flash_attention, kv_type)
        params = context_params(context_tokens, parallel, self.threads, kv_type, self.flash_attention)
        self._weights = Weights(path, gpu_layers, params)
        self._draft_model: DraftModel | None = None
        try:
            self._scale_positions(params, rope)
            self._check_memory(params.n_ctx, KV_BYTES[kv_type])
            self._params, self._kv_bytes = params, KV_BYTES[kv_type]
            if draft_model is not None:
                self._draft_model = DraftModel(draft_model, self._weights, params)
            self._context = Context(self._weights, params, self._pace)
        except BaseException:
            if self._draft_model is not None:
                self._draft_model.close()
            self._weights.close()
            raise
        self.offload = self._weights.offload
        self.needed = self._context.needed
        """As llama.cpp counted it."""
        store = None
        if prefix_cache is not None and prefix_cache.most_mb:
            about = path.stat()
            key = (llama_cpp.__version__, str(path.absolute()), about.st_size, about.st_mtime_ns, kv_type, rope)
            factor = context_tokens if rope != "none" else 0
            store = PrefixStore(
                prefix_cache.folder, int(prefix_cache.most_mb * (1 << 20)), (*key, factor, self.flash_attention)
            )
        self._scheduler = Scheduler(self._context, store)

    def __enter__(self) -> LlamaModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def perplexity(self, texts: Sequence[str], window: int = 512) -> Perplexity:
        """How surprised the model is by texts: see `Perplexity`.

        Args:
            texts: Any; each is cut into windows, which are read one by one.
            window: Tokens; of each window the second half is counted, so that every token has half a window before it.

        Raises:
            GenerationError: The texts are too short to count anything.
        """
        with self._scheduler.exclusively() as context:
            return perplexity_of(context, self._weights, texts, min(window, self.context_tokens))

    def log_likelihoods(
        self, requests: Sequence[tuple[str, str]], on_request: Callable[[int, int], None] = lambda *_: None
    ) -> list[LogLikelihood]:
        """How likely texts are after others, as lm-evaluation-harness counts it; see `encoded` for how they are split.

        Args:
            requests: Contexts and their continuations, as they are: no chat template is put around them.
            on_request: Told how many are done, of how many.

        Returns:
            One for each request.

        Raises:
            ContextOverflowError: A continuation does not fit the context.
            GenerationError: A continuation adds no token to its context.
            ModelLoadError: There is no memory for it.
        """
        return self.token_log_likelihoods([encoded(self._weights, *request) for request in requests], on_request)

    def token_log_likelihoods(
        self, requests: Sequence[TokenRequest], on_request: Callable[[int, int], None] = lambda *_: None
    ) -> list[LogLikelihood]:
        """How likely tokens are after others: `render` makes the context of an answer to messages.

        What requests share at their beginning is read once, in a memory of its own; answers in progress wait. The same
        requests give the same values, in whatever order; beside others, sums may be rounded otherwise. Of what is
        longer than `context_tokens` the beginning is cut off, and the result says so.

        Raises:
            ContextOverflowError: A continuation does not fit the context.
            GenerationError: A context or a continuation has no token.
        """
        longest = max((len(before) + len(after) - 1 for before, after in requests), default=0)
        params = type(self._params).from_buffer_copy(self._params)
        tree_params(params, self._weights, min(longest, self.context_tokens))
        with self._scheduler.paused():
            self._check_memory(params.n_ctx, self._kv_bytes)
            context = Context(self._weights, params, self._pace)
            try:
                context.use(self._adapters)
                return log_likelihoods_of(context, self._weights, requests, self.context_tokens, on_request)
            finally:
                context.close()

    def forget(self) -> None:
        """Forget what was read of earlier prompts, in memory and on disk."""
        self._scheduler.forget()
        if self._draft_model is not None:
            self._draft_model.forget()

    def close(self) -> None:
        """Free the model's memory. Answers in progress end."""
        self._scheduler.close()
        if self._draft_model is not None:
            self._draft_model.close()
            self._draft_model = None
        self._context.close()
        self._weights.close()
        give_back()

    def render(self, messages: Sequence[Message]) -> list[int]:
        """The prompt's tokens, by the model's own chat template; see `Weights.render`."""
        return self._weights.render(messages)

    def count(self, messages: Sequence[Message]) -> int:
        """How many tokens the prompt of these messages has."""
        return len(self.render(messages))

    def generate(self, messages: Sequence[Message], sampling: Sampling, adapters: Adapters | None = None) -> Completion:
        """Generate the next turn; the text comes while it is made. Closing the iterator stops the generation.

        Args:
            messages: The turns so far.
            sampling: How tokens are drawn.
            adapters: Instead of those of the model.

        Raises:
            ContextOverflowError: The prompt and `sampling.max_tokens` do not fit the context together.
            GenerationError: The grammar or schema cannot be used.
            ModelLoadError: An adapter is none, or was made for another architecture.
        """
        prompt = self.render(messages)
        if len(prompt) + sampling.max_tokens > self.context_tokens:
            raise ContextOverflowError(
                f"a prompt of {len(prompt)} tokens and an answer of up to {sampling.max_tokens} exceed the context of "
                f"{self.context_tokens}",
                remedy="Shorten the question, lower max_tokens or raise context_tokens",
            )
        if sampling.grammar or sampling.schema is not None:
            Drawing(self._weights, sampling).close()  # an error now and not at the first token
        used = self._adapters if adapters is None else adapters
        if used:
            with self._scheduler.paused() as context:
                context.check(used)  # an error now, and not in a step that others wait for
        return Completion(lambda completion: self._pieces(prompt, sampling, used, completion), len(prompt))

    def log_odds(self, messages: Sequence[Message], yes: Sequence[str], no: Sequence[str]) -> float:
        """The natural logarithm of P(the next turn begins with one of `yes`) / P(... one of `no`).

        Raises:
            ContextOverflowError: The prompt does not fit the context.
        """
        prompt = self.render(messages)
        if len(prompt) >= self.context_tokens:
            raise ContextOverflowError(
                f"a prompt of {len(prompt)} tokens exceeds the context of {self.context_tokens}",
                remedy="Shorten the question or raise context_tokens",
            )
        seen: list[Logits] = []

        def see(logits: Logits) -> None:
            seen.append(logits.copy())

        self._run(Job(prompt, see, 1, adapters=self._adapters))
        if not seen:
            raise GenerationError("the model was closed in the middle of a question", remedy="Open it again")
        first = [[self._weights.tokenize(word)[0] for word in words] for words in (yes, no)]
        logits = seen[0].astype(np.float64)
        return float(np.logaddexp.reduce(logits[first[0]]) - np.logaddexp.reduce(logits[first[1]]))

    def _run(self, job: Job) -> None:
        self._scheduler.submit(job)
        try:
            while self._scheduler.take(job) is not None:
                pass
        finally:
            self._scheduler.cancel(job)

    def _pieces(
        self, prompt: list[int], sampling: Sampling, adapters: Adapters, completion: Completion
    ) -> Iterator[str]:
        drawing = Drawing(self._weights, sampling)
        seen: list[TokenLogprob] = []

        def draw(logits: Logits) -> int | None:
            token = drawing.draw(logits)
            if sampling.logprobs is not None:
                seen.append(self._logprob(logits, token, sampling.logprobs))
            return None if self._weights.ends(token) else token

        job = Job(prompt, draw, sampling.max_tokens, drawing.close, adapters, self._draft(sampling))
        job.deadline = time.monotonic() + self._timeout_s
        self._scheduler.submit(job)
        text = StreamedText(sampling.stop)
        try:
            while (token := self._scheduler.take(job)) is not None:
                completion.completion_tokens += 1
                completion.logprobs += seen[completion.completion_tokens - 1 : completion.completion_tokens]
                if piece := text.add(self._weights.piece(token)):
                    yield piece
                if text.stopped:
                    break
            completion.finish_reason = _reason(job, stopped=text.stopped)
            if rest := text.rest():
                yield rest
        finally:
            completion.read_tokens = job.read_tokens
            self._scheduler.cancel(job)

    def _draft(self, sampling: Sampling) -> Draft | None:
        alters = sampling.temperature or sampling.mirostat or sampling.grammar or sampling.schema is not None
        if alters:
            return None
        return PromptLookup() if self._prompt_lookup else self._draft_model

    def _logprob(self, logits: Logits, token: int, count: int) -> TokenLogprob:
        logs = log_softmax(logits)
        likeliest = np.argsort(-logs)[:count].tolist()
        return TokenLogprob(
            self._shown(token), float(logs[token]), tuple((self._shown(t), float(logs[t])) for t in likeliest)
        )

    def _shown(self, token: int) -> str:
        return self._weights.piece(token).decode("utf-8", "replace")

    def _check_memory(self, tokens: int, per_value: float) -> None:
        """Before llama.cpp brings the machine to its knees."""
        needed, free = self._weights.context_bytes(tokens, per_value), psutil.virtual_memory().available
        if not self._weights.offload.layers and needed > free:
            raise ModelLoadError(
                f"a context of {tokens} tokens takes {needed >> 20:,} MiB, and {free >> 20:,} are free",
                path=self.path,
                remedy="Lower context_tokens or parallel, or set kv_type to q8_0",
            )

    def _scale_positions(self, params: llama_cpp.llama_context_params, rope: Rope) -> None:
        trained = self._weights.trained_tokens
        if self.context_tokens <= trained:
            return
        if rope == "none":
            raise GenerationError(
                f"context_tokens is {self.context_tokens}, and the model was trained on {trained}",
                path=self.path,
                remedy=f"Set context_tokens to at most {trained}, or rope to yarn",
            )
        params.rope_scaling_type = _ROPES[rope]
        params.rope_freq_scale = trained / self.context_tokens
        params.yarn_orig_ctx = trained


def _reason(job: Job, *, stopped: bool) -> Literal["stop", "length", "timeout", "interrupted"]:
    if stopped:
        return "stop"
    if job.late:
        return "timeout"
    if len(job.drawn) == job.most:
        return "length"
    return "interrupted" if job.cancelled else "stop"
