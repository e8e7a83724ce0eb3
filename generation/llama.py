"""A quantized model on this machine, run by llama.cpp."""

from __future__ import annotations

import codecs
import ctypes
import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

import llama_cpp
import numpy as np
import psutil
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from ..errors import ContextOverflowError, GenerationError, ModelLoadError
from .chat_model import Completion
from .sampling import Message, Sampling

log = logging.getLogger(__name__)

GpuLayers = int | Literal["auto", "all"]


@dataclass(frozen=True, slots=True)
class Offload:
    """Where the model's layers really are, as llama.cpp reports it."""

    layers: int
    """On a GPU."""
    total: int
    devices: tuple[str, ...]
    """Of the layers on a GPU."""


class LlamaModel:
    """A chat model. Calls from several threads take turns, because a llama.cpp context cannot be shared.

    Args:
        path: The GGUF file.
        context_tokens: Prompt and answer together; at most what the model was trained on.
        gpu_layers: `auto` offloads all layers where llama.cpp was built for a GPU and falls back to the CPU when they
            do not fit; `all` or a number is an error when it cannot be done.
        threads: CPU threads; 0 for one a physical core.

    Raises:
        ModelLoadError: llama.cpp refuses the file, it has no chat template, or a GPU was asked for and is not used.
        GenerationError: `context_tokens` exceeds what the model was trained on.
    """

    def __init__(
        self, path: Path, *, context_tokens: int = 4096, gpu_layers: GpuLayers = "auto", threads: int = 0
    ) -> None:
        self.path = path
        self.name = path.stem
        self.context_tokens = context_tokens
        self.threads = threads or physical_cores()
        self._turn = threading.Lock()
        self._owner: int | None = None  # the thread whose turn it is
        self._llama, self.offload = self._load(gpu_layers)
        self._vocab = llama_cpp.llama_model_get_vocab(self._llama.model)
        trained = llama_cpp.llama_model_n_ctx_train(self._llama.model)
        if context_tokens > trained:
            self.close()
            raise GenerationError(
                f"context_tokens is {context_tokens}, and the model was trained on {trained}",
                path=path,
                remedy=f"Set context_tokens to at most {trained}",
            )
        template = self._llama.metadata.get("tokenizer.chat_template")
        if not template:
            self.close()
            raise ModelLoadError(
                "the model has no chat template",
                path=path,
                remedy="Use an instruction-tuned model; see `ragstone models list`",
            )
        self._bos = _token_text(self._vocab, self._llama.token_bos())
        self._formatter = Jinja2ChatFormatter(
            template=template, eos_token=_token_text(self._vocab, self._llama.token_eos()), bos_token=self._bos
        )

    def __enter__(self) -> LlamaModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the model's memory."""
        with self._turn:
            self._llama.close()

    def render(self, messages: Sequence[Message]) -> list[int]:
        """The prompt's tokens, by the model's own chat template.

        Only the template's text may contain special tokens: `<|im_end|>` in a document stays plain text, so that no
        passage can end its turn and speak as the system.
        """
        marks = [f"\ue000{number}\ue001" for number in range(len(messages))]
        prompt = self._apply_template(
            [{"role": m["role"], "content": mark} for m, mark in zip(messages, marks, strict=True)]
        )
        add_bos = llama_cpp.llama_vocab_get_add_bos(self._vocab) and not (self._bos and prompt.startswith(self._bos))
        tokens: list[int] = [self._llama.token_bos()] if add_bos else []
        for part in re.split("(\ue000[0-9]+\ue001)", prompt):
            if part in marks:
                tokens += self._tokenize(messages[marks.index(part)]["content"], special=False)
            elif part:
                tokens += self._tokenize(part, special=True)
        return tokens

    def count(self, messages: Sequence[Message]) -> int:
        """How many tokens the prompt of these messages has."""
        return len(self.render(messages))

    def generate(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Generate the next turn; the text comes while it is made. Closing the iterator stops the generation.

        Raises:
            ContextOverflowError: The prompt and `sampling.max_tokens` do not fit the context together.
        """
        prompt = self.render(messages)
        if len(prompt) + sampling.max_tokens > self.context_tokens:
            raise ContextOverflowError(
                f"a prompt of {len(prompt)} tokens and an answer of up to {sampling.max_tokens} exceed the context of "
                f"{self.context_tokens}",
                remedy="Shorten the question, lower max_tokens or raise context_tokens",
            )
        return Completion(lambda completion: self._pieces(prompt, sampling, completion), len(prompt))

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
        with self._own_turn():
            tokens = self._llama.generate(prompt, temp=0.0)
            next(tokens)  # reads the prompt; its logits then stand for the first token of the answer
            logits = np.ctypeslib.as_array(
                llama_cpp.llama_get_logits_ith(self._llama.ctx, -1), shape=(self._llama.n_vocab(),)
            ).astype(np.float64)
            tokens.close()
        first = [[self._tokenize(word, special=False)[0] for word in words] for words in (yes, no)]
        return float(np.logaddexp.reduce(logits[first[0]]) - np.logaddexp.reduce(logits[first[1]]))

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        if self._owner == threading.get_ident():
            raise GenerationError(
                "this thread is in the middle of another answer",
                remedy="Read that one to its end or close its iterator",
            )
        with self._turn:
            self._owner = threading.get_ident()
            try:
                yield
            finally:
                self._owner = None

    def _pieces(self, prompt: list[int], sampling: Sampling, completion: Completion) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with self._own_turn():
            self._llama.set_seed(sampling.seed)
            tokens = self._llama.generate(
                prompt,
                top_k=sampling.top_k,
                top_p=sampling.top_p,
                min_p=0.0,
                temp=sampling.temperature,
                repeat_penalty=1.0,
            )
            for token in tokens:
                if llama_cpp.llama_vocab_is_eog(self._vocab, token):
                    completion.finish_reason = "stop"
                    break
                completion.completion_tokens += 1
                if piece := decoder.decode(_token_bytes(self._vocab, token)):
                    yield piece
                if completion.completion_tokens == sampling.max_tokens:
                    completion.finish_reason = "length"
                    break
            if rest := decoder.decode(b"", final=True):
                yield rest

    def _apply_template(self, messages: list[dict[str, str]]) -> str:
        try:
            return str(self._formatter(messages=messages).prompt)
        except ValueError:
            # Some templates (Gemma's) refuse a system turn: its text then opens the first user turn.
            system, user, *rest = messages
            if system["role"] != "system":
                raise
            merged = {"role": "user", "content": f"{system['content']}\n\n{user['content']}"}
            return str(self._formatter(messages=[merged, *rest]).prompt)

    def _tokenize(self, text: str, *, special: bool) -> list[int]:
        tokens: list[int] = self._llama.tokenize(text.encode("utf-8", "replace"), add_bos=False, special=special)
        return tokens

    def _load(self, gpu_layers: GpuLayers) -> tuple[llama_cpp.Llama, Offload]:
        offload_built = llama_cpp.llama_supports_gpu_offload()
        wanted = -1 if gpu_layers == "all" or (gpu_layers == "auto" and offload_built) else gpu_layers
        wanted = 0 if wanted == "auto" else int(wanted)
        if wanted and not offload_built:
            raise ModelLoadError(
                "llama.cpp was built without GPU support",
                path=self.path,
                remedy="Set gpu_layers = 'auto', or install with LLAMA_BACKEND=cuda, metal or vulkan (see the README)",
            )
        try:
            llama, offload = self._open(wanted)
        except ValueError as error:
            if not (gpu_layers == "auto" and wanted):
                raise ModelLoadError(
                    f"llama.cpp cannot load it ({error})",
                    path=self.path,
                    remedy="Check that it is a whole GGUF file (`ragstone doctor`) and that it fits the memory",
                ) from error
            log.warning("%s does not fit the GPU's memory; using the CPU", self.path)
            return self._open(0)
        if wanted > 0 and not offload.layers:
            raise ModelLoadError(
                "no layer was offloaded", path=self.path, remedy="Check the GPU's driver, or set gpu_layers = 0"
            )
        return llama, offload

    def _open(self, gpu_layers: int) -> tuple[llama_cpp.Llama, Offload]:
        with _Log() as lines:
            llama = llama_cpp.Llama(
                str(self.path),
                n_ctx=self.context_tokens,
                n_gpu_layers=gpu_layers,
                n_threads=self.threads,
                n_threads_batch=self.threads,
                verbose=False,
            )
        devices = re.findall(r"layer +\d+ assigned to device (\S+?),", lines.text())
        on_gpu = [device for device in devices if device != "CPU"]
        return llama, Offload(len(on_gpu), len(devices), tuple(dict.fromkeys(on_gpu)))


def physical_cores() -> int:
    """The number of physical cores this process may use; more threads than that make llama.cpp slower."""
    process = psutil.Process()
    allowed = len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else psutil.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or allowed, allowed))


def supports_gpu() -> bool:
    """Whether llama.cpp was built with a GPU backend that found a device."""
    return bool(llama_cpp.llama_supports_gpu_offload())


def _token_text(vocab: object, token: int) -> str:
    if token < 0:
        return ""
    return (llama_cpp.llama_vocab_get_text(vocab, token) or b"").decode("utf-8", "replace")


def _token_bytes(vocab: object, token: int) -> bytes:
    buffer = ctypes.create_string_buffer(64)
    size = llama_cpp.llama_token_to_piece(vocab, token, buffer, len(buffer), 0, False)
    if size < 0:
        buffer = ctypes.create_string_buffer(-size)
        size = llama_cpp.llama_token_to_piece(vocab, token, buffer, len(buffer), 0, False)
    return buffer.raw[:size]


class _Log:
    """Collects what llama.cpp says, which otherwise goes to stderr; passes it on to the logger at DEBUG."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __enter__(self) -> _Log:
        @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
        def collect(_level: int, text: bytes, _user: object) -> None:
            self._lines.append(text.decode("utf-8", "replace"))

        self._collect = collect
        llama_cpp.llama_log_set(collect, ctypes.c_void_p(0))
        return self

    def __exit__(self, *_: object) -> None:
        llama_cpp.llama_log_set(_pass_on, ctypes.c_void_p(0))
        log.debug("%s", self.text())

    def text(self) -> str:
        return "".join(self._lines)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _pass_on(_level: int, text: bytes, _user: object) -> None:
    log.debug("%s", text.decode("utf-8", "replace").rstrip())
