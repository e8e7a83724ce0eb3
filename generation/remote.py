"""A chat model behind an OpenAI-compatible server: llama-server, vLLM, Ollama, LM Studio, llama-cpp-python's."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from ..errors import BrokenAnswerError, ContextOverflowError, ModelNotFoundError, ServerError
from .chat_model import Completion, FinishReason, TokenLogprob
from .connection import Connection
from .sampling import Message, Sampling

Result = TypeVar("Result")

_TOP = 20
"""As many of the likeliest tokens as OpenAI's API gives at most."""
_PASSING = frozenset({401, 403, 408, 425, 429, 500, 502, 503, 504})
"""Answers of a server that do not mean that it cannot count."""


class RemoteModel:
    """A chat model behind a server. Safe to use from several threads; how many run at a time is the server's affair.

    Args:
        url: The server's base address (see `Connection`).
        model: The model's name there.
        context_tokens: Prompt and answer together, as the server was started with.
        timeout: The most seconds to wait for an answer, and for each next token.
        offline: Refuse any server that is not on this machine.

    Raises:
        SettingsError: The address or the key is malformed.
        OfflineError: `offline`, and the server is elsewhere.
        ServerError: The server cannot be reached, or refuses.
        ModelNotFoundError: The server lists its models, and not this one.
    """

    def __init__(
        self, url: str, model: str, *, context_tokens: int = 4096, timeout: float = 120.0, offline: bool = False
    ) -> None:
        self.name = model
        self.context_tokens = context_tokens
        self._server = Connection(url, timeout=timeout, offline=offline)
        self._chat = f"{self._server.url}/chat/completions"
        self._dialect = _DIALECTS[0]
        self._counters: tuple[Callable[[Sequence[Message]], int], ...] = (self._count_llama, self._count_vllm)
        self._gives_logprobs = True
        self.is_listed = False  # by a server that lists its models
        try:
            self._require_model()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> RemoteModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def forget(self) -> None:
        """Nothing: what a server remembers is its own."""

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    @property
    def exposes_key(self) -> bool:
        """Whether the key is sent over the network unencrypted."""
        return self._server.exposes_key

    def count(self, messages: Sequence[Message]) -> int:
        """How many tokens the prompt of these messages has: exactly from llama-server and vLLM, else `estimate`.

        Raises:
            ServerError: The server does not answer.
        """
        for counter in self._counters:
            try:
                return counter(messages)
            except ServerError as error:
                if error.status is None:
                    raise
                if error.status not in _PASSING:
                    self._counters = tuple(other for other in self._counters if other != counter)
        return estimate(messages)

    def generate(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Generate the next turn; the text comes while it is made. Closing the iterator closes the connection.

        `Completion.prompt_tokens` is that of `count` until the server tells it. Where it does not tell, as
        llama-cpp-python's, `completion_tokens` counts its events, nearly all of which hold one token. A server may
        ignore what OpenAI's API does not have: top_k, min_p, typical_p, repeat_penalty, penalty_tokens, mirostat and
        grammar. llama-server heeds them all.

        Raises:
            ContextOverflowError: The prompt and `sampling.max_tokens` do not fit the context together.

        The iterator raises:
            ServerError: The server refused, or did not begin to answer.
            ModelNotFoundError: It does not have the model any more.
            BrokenAnswerError: The answer broke off. The pieces until then were given.
        """
        tokens = self._require_room(messages, sampling.max_tokens)
        return Completion(partial(self._pieces, messages, sampling), tokens)

    def log_odds(self, messages: Sequence[Message], yes: Sequence[str], no: Sequence[str]) -> float | None:
        """The natural logarithm of P(the next turn begins with one of `yes`) / P(... one of `no`).

        A server tells the 20 likeliest tokens, and the words are looked for among them; one that is several tokens
        long is not found. Of a side's words those that are found count. A side without any counts as if each of its
        words were as likely as the last of the 20, and is less likely in truth: then this is a bound, which the true
        value is above if only words of `yes` are found, and below if only words of `no` are.

        Returns:
            None if the server gives no logprobs, or no word is found.

        Raises:
            ContextOverflowError: The prompt does not fit the context.
            ServerError: The server refused, or did not answer.
        """
        self._require_room(messages, 1)
        top = dict(self._likeliest(messages)) if self._gives_logprobs else {}
        found = [[value for word in words if (value := _of_word(word, top)) is not None] for words in (yes, no)]
        if not any(found):
            return None
        least = min(top.values())
        above, below = (_log_sum(one or [least] * len(words)) for one, words in zip(found, (yes, no), strict=True))
        return above - below

    def _likeliest(self, messages: Sequence[Message]) -> tuple[tuple[str, float], ...]:
        """The likeliest first tokens of the next turn; none if the server does not tell."""
        try:
            whole = self._asked(
                messages, Sampling(max_tokens=1, logprobs=_TOP), lambda body: self._server.post(self._chat, body, _read)
            )
        except ServerError as error:
            if "logprobs" not in error.what:
                raise
            self._gives_logprobs = False
            return ()
        return whole.logprobs[0].top if whole.logprobs else ()

    def _pieces(self, messages: Sequence[Message], sampling: Sampling, completion: Completion) -> Iterator[str]:
        reason, usage = "", None
        with closing(
            self._asked(messages, sampling, lambda body: self._server.stream(self._chat, _streamed(body), _read))
        ) as chunks:
            for chunk in chunks:
                reason, usage = chunk.reason or reason, chunk.usage or usage
                completion.logprobs += chunk.logprobs
                completion.completion_tokens += len(chunk.logprobs) or bool(chunk.text)
                if chunk.text:
                    yield chunk.text
        if usage:
            completion.prompt_tokens, completion.completion_tokens, completion.read_tokens = usage
        if not reason:
            # llama-cpp-python's does so when another request comes, unless started with --interrupt_requests false.
            raise BrokenAnswerError(
                "the server ended the answer before it was whole",
                path=self._server.url,
                remedy="Ask again, with fewer requests at a time",
            )
        completion.finish_reason = _FINISH_REASONS.get(reason, "interrupted")

    def _asked(
        self, messages: Sequence[Message], sampling: Sampling, ask: Callable[[dict[str, Any]], Result]
    ) -> Result:
        """What `ask` makes of the request, said in the first way that the server understands."""
        refusals: list[ServerError] = []
        said: list[dict[str, Any]] = []
        for dialect in sorted(_DIALECTS, key=lambda one: one != self._dialect):
            body = _request(self.name, messages, sampling, dialect)
            if body in said:
                continue
            said.append(body)
            try:
                answer = ask(body)
            except ServerError as error:
                if error.status == 404:
                    self._require_model()
                if error.status not in (400, 422) and "validation error" not in error.what:
                    raise
                refusals.append(error)
            else:
                self._dialect = dialect
                return answer
        raise refusals[0]

    def _require_model(self) -> None:
        names = self._listed()
        self.is_listed = bool(names)
        if names and self.name not in names and f"{self.name}:latest" not in names:  # Ollama takes the short form too
            raise ModelNotFoundError(
                f"the server has no model {self.name!r}",
                path=self._server.url,
                remedy=f"Set model to one that it lists: {', '.join(names[:20])}",
            )

    def _listed(self) -> list[str]:
        """The names of the server's models; none if it does not list them."""
        try:
            return self._server.get(
                f"{self._server.url}/models", lambda given: [str(model["id"]) for model in given["data"] or ()]
            )
        except ServerError as error:
            if error.status in (404, 405):
                return []
            raise

    def _require_room(self, messages: Sequence[Message], answer: int) -> int:
        tokens = self.count(messages)
        if tokens + answer > self.context_tokens:
            raise ContextOverflowError(
                f"a prompt of {'' if self._counters else 'about '}{tokens} tokens and an answer of up to {answer} "
                f"exceed the context of {self.context_tokens}",
                remedy="Shorten the question, lower max_tokens or raise context_tokens",
            )
        return tokens

    def _count_llama(self, messages: Sequence[Message]) -> int:
        root = self._server.root
        prompt = self._server.post(f"{root}/apply-template", {"messages": messages}, lambda given: str(given["prompt"]))
        asked = {"content": prompt, "add_special": True, "parse_special": True}
        return self._server.post(f"{root}/tokenize", asked, lambda given: len(given["tokens"]))

    def _count_vllm(self, messages: Sequence[Message]) -> int:
        asked = {"model": self.name, "messages": messages}
        return self._server.post(f"{self._server.root}/tokenize", asked, lambda given: int(given["count"]))


_PART = re.compile(r"[A-Za-z]+|[^\x00-\x7f]+|\n *|\s{2,}|[^ ]")


def estimate(messages: Sequence[Message]) -> int:
    """How many tokens a prompt has at most, for nearly all texts and vocabularies.

    English prose has half to three quarters of it; text in other scripts a fifth, if the vocabulary knows them well.
    """
    # A template may add 80 tokens to a prompt, and 10 to each message. Of the rest: an English word is one token and a
    # word of another language one for two letters, a digit or sign one each, a letter of another script up to one a
    # byte, and a tenth is added for vocabularies with fewer words.
    tokens = 0.0
    for part in (part for message in messages for part in _PART.findall(message["content"])):
        if not part.isascii():
            tokens += 0.8 * len(part.encode("utf-8", "replace"))
        elif part.isalpha():
            letters = len(part) if part[1:].islower() else 2 * len(part)
            tokens += 1 + max(0, math.ceil((letters - 3) / 2))
        else:
            tokens += min(len(part), 2)
    return 80 + 10 * len(messages) + math.ceil(1.1 * tokens)


class _Dialect(NamedTuple):
    beyond_openai: bool
    """Whether fields that OpenAI's API lacks are sent where they change nothing: several servers' defaults do."""
    schema: str
    """The type of `response_format` that takes a JSON schema."""


_DIALECTS = (
    _Dialect(True, "json_schema"),
    _Dialect(True, "json_object"),  # llama-cpp-python's
    _Dialect(False, "json_schema"),  # OpenAI's, which refuses fields that it does not know
)
_BEYOND_OPENAI = {
    "top_k": ("top_k",),
    "min_p": ("min_p",),
    "typical_p": ("typical_p",),
    "repeat_penalty": ("repeat_penalty", "repetition_penalty"),
    "penalty_tokens": ("repeat_last_n",),
    "mirostat": ("mirostat", "mirostat_mode"),
    "mirostat_tau": ("mirostat_tau",),
    "mirostat_eta": ("mirostat_eta",),
    "grammar": ("grammar",),
}
"""Of our parameters: how llama-server, llama-cpp-python and vLLM call it."""
_OF_VARYING_DEFAULT = frozenset({"top_k", "min_p", "repeat_penalty"})
_DEFAULT = Sampling()


def _request(model: str, messages: Sequence[Message], sampling: Sampling, dialect: _Dialect) -> dict[str, Any]:
    same = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "max_tokens")
    body: dict[str, Any] = {"model": model, "messages": list(messages)}
    body |= {name: getattr(sampling, name) for name in same}
    for name, theirs in _BEYOND_OPENAI.items():
        value = getattr(sampling, name)
        if value != getattr(_DEFAULT, name) or (dialect.beyond_openai and name in _OF_VARYING_DEFAULT):
            body |= dict.fromkeys(theirs, value)
    if sampling.grammar:
        body["structured_outputs"] = {"grammar": sampling.grammar}  # vLLM's
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": sampling.logprobs}
    if sampling.schema is not None:
        wrapped = {"name": "answer", "strict": True, "schema": sampling.schema}
        openai = dialect.schema == "json_schema"
        body["response_format"] = {"type": dialect.schema} | (
            {"json_schema": wrapped} if openai else {"schema": sampling.schema}
        )
    return body


def _streamed(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "stream": True, "stream_options": {"include_usage": True}}


class _Chunk(NamedTuple):
    """An answer, or a piece of one."""

    text: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    reason: str = ""
    usage: tuple[int, int, int | None] | None = None
    """The tokens of the prompt and of the answer, and those of the prompt that were read."""


_FINISH_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length"}


def _read(given: Any) -> _Chunk:
    usage = _usage(given["usage"]) if given.get("usage") else None
    if not given["choices"]:  # the last event of a stream
        return _Chunk(usage=usage)
    choice = given["choices"][0]
    message = choice.get("delta") or choice.get("message") or {}
    logprobs = tuple(
        TokenLogprob(
            str(token["token"]),
            min(0.0, float(token["logprob"])),
            tuple((str(top["token"]), float(top["logprob"])) for top in token.get("top_logprobs") or ()),
        )
        for token in (choice.get("logprobs") or {}).get("content") or ()
    )
    return _Chunk(str(message.get("content") or ""), logprobs, str(choice.get("finish_reason") or ""), usage)


def _usage(given: Mapping[str, Any]) -> tuple[int, int, int | None]:
    prompt, known = int(given["prompt_tokens"]), (given.get("prompt_tokens_details") or {}).get("cached_tokens")
    return prompt, int(given["completion_tokens"]), None if known is None else prompt - int(known)


def _of_word(word: str, top: Mapping[str, float]) -> float | None:
    """The logprob of a word's own token, which in some vocabularies begins with a space."""
    return next((top[token] for token in (word, f" {word}", f"▁{word}") if token in top), None)


def _log_sum(values: Sequence[float]) -> float:
    most = max(values)
    return most + math.log(sum(math.exp(value - most) for value in values))
