"""A GGUF file in memory: its weights, what it says of itself, its vocabulary and chat template."""

from __future__ import annotations

import ctypes
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from ...errors import GenerationError, ModelLoadError
from ..sampling import Message
from ._log import Collected
from ._offload import GpuLayers, Needed, Offload, assigned, devices, fitting, needed_by, supports_gpu

log = logging.getLogger(__name__)

_CHECK = "Check that it is a whole GGUF file (`ragstone doctor`) and that it fits the memory"


class Weights:
    """A model's weights. Free of any context, so that several can share them.

    Args:
        path: The GGUF file.
        gpu_layers: `auto` offloads as many layers as fit the GPU's free memory together with the context's part; `all`
            or a number is an error when llama.cpp does not put them there.
        context: The context that is going to be made, for `auto`.

    Raises:
        ModelLoadError: The file is no model, no chat model, or damaged; or a GPU was asked for and is not used.
    """

    def __init__(self, path: Path, gpu_layers: GpuLayers, context: llama_cpp.llama_context_params) -> None:
        self.path = path
        refuse_what_is_no_gguf(path)
        self.model: int | None
        self.model, self.offload = self._load(gpu_layers, context)
        self._vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.trained_tokens = int(llama_cpp.llama_model_n_ctx_train(self.model))
        self.vocabulary_size = int(llama_cpp.llama_vocab_n_tokens(self.vocab))
        self.bytes = int(llama_cpp.llama_model_size(self.model))
        self.layers = int(llama_cpp.llama_model_n_layer(self.model)) + 1
        """With the output."""
        try:
            self._formatter = self._chat_formatter()
        except ModelLoadError:
            self.close()
            raise

    def close(self) -> None:
        """Free the memory."""
        if self.model is not None:
            llama_cpp.llama_model_free(self.model)
            self.model = None

    @property
    def vocab(self) -> Any:
        """llama.cpp's vocabulary.

        Raises:
            GenerationError: The model was closed.
        """
        if self.model is None:
            raise GenerationError("the model was closed", remedy="Open it again")
        return self._vocab

    @property
    def cuts(self) -> bool:
        """Whether the model can forget the end of what it read, and go on from there.

        Raises:
            GenerationError: The model was closed.
        """
        if self.model is None:
            raise GenerationError("the model was closed", remedy="Open it again")
        return not (llama_cpp.llama_model_is_recurrent(self.model) or llama_cpp.llama_model_is_hybrid(self.model))

    @property
    def prefix(self) -> int:
        """The token that a text begins with which nothing stands before: that of its beginning, or else of its end."""
        first = int(llama_cpp.llama_vocab_bos(self.vocab))
        return first if first >= 0 else int(llama_cpp.llama_vocab_eos(self.vocab))

    def opened(self, text: str) -> list[int]:
        """A text's tokens, special ones for what they are, with the one before it that the model wants there."""
        return self._opening(text) + self.tokenize(text, special=True)

    def metadata(self, key: str) -> str | None:
        """A value that the file holds, such as `general.architecture`."""
        buffer = ctypes.create_string_buffer(1 << 12)
        size = llama_cpp.llama_model_meta_val_str(self.model, key.encode(), buffer, len(buffer))
        if size >= len(buffer):
            buffer = ctypes.create_string_buffer(size + 1)
            size = llama_cpp.llama_model_meta_val_str(self.model, key.encode(), buffer, len(buffer))
        return None if size < 0 else buffer.value.decode("utf-8", "replace")

    def context_bytes(self, tokens: int, per_value: float) -> int:
        """What the keys and values of so many tokens take, with `per_value` bytes for each number."""
        wide = llama_cpp.llama_model_n_embd(self.model) // max(1, llama_cpp.llama_model_n_head(self.model))
        values = 2 * llama_cpp.llama_model_n_layer(self.model) * llama_cpp.llama_model_n_head_kv(self.model) * wide
        return int(tokens * values * per_value)

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """A text's tokens; with `special`, `<|im_end|>` and the like are what they stand for, else plain text."""
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8
        tokens = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self.vocab, raw, len(raw), tokens, room, False, special)
        assert count >= 0, "a text has no more tokens than bytes"
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """A token's text, which may be a part of a character; a special token has none."""
        buffer = ctypes.create_string_buffer(64)
        size = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, len(buffer), 0, False)
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = llama_cpp.llama_token_to_piece(self.vocab, token, buffer, len(buffer), 0, False)
        return buffer.raw[:size]

    def ends(self, token: int) -> bool:
        """Whether a token ends the answer."""
        return bool(llama_cpp.llama_vocab_is_eog(self.vocab, token))

    def render(self, messages: Sequence[Message]) -> list[int]:
        """The prompt's tokens, by the model's own chat template.

        Only the template's text may contain special tokens: `<|im_end|>` in a document stays plain text, so that no
        passage can end its turn and speak as the system.
        """
        marks = [f"\ue000{number}\ue001" for number in range(len(messages))]
        marked = [{"role": m["role"], "content": mark} for m, mark in zip(messages, marks, strict=True)]
        prompt = self._apply_template(marked)
        tokens = self._opening(prompt)
        for part in re.split("(\ue000[0-9]+\ue001)", prompt):
            if part in marks:
                tokens += self.tokenize(messages[marks.index(part)]["content"])
            elif part:
                tokens += self.tokenize(part, special=True)
        return tokens

    def _opening(self, prompt: str) -> list[int]:
        first = llama_cpp.llama_vocab_bos(self.vocab)
        text = self._text(first)
        adds = llama_cpp.llama_vocab_get_add_bos(self.vocab) and not (text and prompt.startswith(text))
        return [first] if adds else []

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

    def _chat_formatter(self) -> Jinja2ChatFormatter:
        architecture = self.metadata("general.architecture")
        pooled = self.metadata(f"{architecture}.pooling_type")
        if not llama_cpp.llama_model_has_decoder(self.model) or pooled not in (None, "0"):
            raise ModelLoadError(
                f"it is an embedding model ({architecture})",
                path=self.path,
                remedy="Give a chat model; see `ragstone models list`",
            )
        template = self.metadata("tokenizer.chat_template")
        if not template:
            raise ModelLoadError(
                "the model has no chat template",
                path=self.path,
                remedy="Use an instruction-tuned model; see `ragstone models list`",
            )
        first, last = llama_cpp.llama_vocab_bos(self.vocab), llama_cpp.llama_vocab_eos(self.vocab)
        return Jinja2ChatFormatter(template=template, eos_token=self._text(last), bos_token=self._text(first))

    def _text(self, token: int) -> str:
        if token < 0:
            return ""
        return (llama_cpp.llama_vocab_get_text(self.vocab, token) or b"").decode("utf-8", "replace")

    def _load(self, gpu_layers: GpuLayers, context: llama_cpp.llama_context_params) -> tuple[int, Offload]:
        built = supports_gpu()
        if gpu_layers not in ("auto", 0) and not built:
            raise ModelLoadError(
                "llama.cpp was built without GPU support",
                path=self.path,
                remedy="Set gpu_layers = 'auto', or install with LLAMA_BACKEND=cuda, metal or vulkan (see the README)",
            )
        if gpu_layers == "auto":
            return self._load_what_fits(_fit(self.path, context) if built else 0)
        model, offload, said = _open(self.path, -1 if gpu_layers == "all" else gpu_layers)
        wanted = offload.total if gpu_layers == "all" else min(gpu_layers, offload.total)
        if model is None or offload.layers < wanted:
            if model is not None:
                llama_cpp.llama_model_free(model)
            got = f"only {offload.layers} of {wanted} layers were offloaded" if model else f"llama.cpp: {said}"
            raise ModelLoadError(
                got, path=self.path, remedy="Lower gpu_layers or set it to auto, or check the GPU's driver and the file"
            )
        return model, offload

    def _load_what_fits(self, layers: int) -> tuple[int, Offload]:
        while True:
            model, offload, said = _open(self.path, layers)
            if model is not None:
                return model, offload
            if not layers:
                raise ModelLoadError(f"llama.cpp cannot load it ({said})", path=self.path, remedy=_CHECK)
            log.warning("%s: %d layers do not fit the GPU's memory", self.path, layers)
            layers //= 2


def refuse_what_is_no_gguf(path: Path) -> None:
    """Say so before llama.cpp does.

    Raises:
        ModelLoadError: The file is no GGUF file, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise ModelLoadError(f"it cannot be read ({error.strerror})", path=path, remedy=_CHECK) from error
    if start != b"GGUF":
        raise ModelLoadError(
            "it is no GGUF file",
            path=path,
            remedy="Give a model in llama.cpp's format; see `ragstone models list`",
        )


def _open(path: Path, gpu_layers: int) -> tuple[int | None, Offload, str]:
    """The model, where its layers are, and what went wrong."""
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = gpu_layers
    with Collected() as said:
        model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    return model, assigned(said.text), _reason(said.text)


def _reason(text: str) -> str:
    """The most telling line of what llama.cpp said of a failure."""
    wrong = [line for line in text.splitlines() if re.search("error|fail|unknown|invalid|not within|unable", line)]
    return re.sub(r"^\w+: |'[^']*/", "", wrong[0]).strip() if wrong else "it gives no reason"


def trial(path: Path, context: llama_cpp.llama_context_params) -> Needed | None:
    """What a model and a context of it take, by what a trial without allocation says; None if the file
    is no model.

    It reads the file's vocabulary, which takes up to half a second.
    """
    params = llama_cpp.llama_model_default_params()
    params.no_alloc, params.load_mode = True, 0  # of enum llama_load_mode: NONE, as no_alloc demands
    with Collected() as said:
        model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if model is None:
            return None
        layers, weights = llama_cpp.llama_model_n_layer(model) + 1, llama_cpp.llama_model_size(model)
        made = llama_cpp.llama_init_from_model(model, context)
        if made is not None:
            llama_cpp.llama_free(made)
        llama_cpp.llama_model_free(model)
    return needed_by(said.text, weights, layers)


def _fit(path: Path, context: llama_cpp.llama_context_params) -> int:
    """How many layers fit the memory that is free on the GPUs."""
    needed = trial(path, context)
    return 0 if needed is None else sum(fitting(needed, device.free) for device in devices())
