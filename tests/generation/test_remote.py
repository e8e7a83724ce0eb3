"""A chat model behind a server: llama-cpp-python's, with real weights, and one that does what a good one never does."""

from __future__ import annotations

import json
import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ragstone.errors import (
    BrokenAnswerError,
    ContextOverflowError,
    ModelNotFoundError,
    OfflineError,
    RagstoneError,
    ServerError,
    SettingsError,
)
from ragstone.generation.connection import Connection
from ragstone.generation.llama import LlamaModel
from ragstone.generation.remote import RemoteModel, estimate
from ragstone.generation.sampling import Message, Sampling
from ragstone.tests.conftest import ModelServer

KEY = "sk-test-0123456789"
QUESTION: list[Message] = [{"role": "user", "content": "Name three colours."}]
SPOKEN = {
    "English": "The notice period is three months to the end of a quarter; the fee is 1,250.75 EUR (see § 4.2).",
    "German": "Der Vertrag kann mit einer Frist von drei Monaten zum Quartalsende gekündigt werden.",
    "Finnish": "Sopimus voidaan irtisanoa kolmen kuukauden irtisanomisajalla. Pumppu huolletaan kahdesti vuodessa.",
    "Russian": "Договор может быть расторгнут с уведомлением за три месяца до конца квартала.",
    "Chinese": "合同的通知期限是三个月,自月底起算。风力涡轮机每年保养两次。",
    "Hindi": "अनुबंध को तिमाही के अंत से तीन महीने पहले सूचना देकर समाप्त किया जा सकता है।",
    "code": "def area(self) -> float:\n    return math.pi * self._radius ** 2  # in m²\n\n\nclass X:\n\tpass",
    "numbers": "2021-03-17 | 482913.25 | 0x9f86d081\n2021-03-18 | 99120.00 | 0x884c7d65",
}


@pytest.fixture(scope="module")
def remote(model_server: ModelServer) -> Iterator[RemoteModel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGSTONE_API_KEY", model_server.key)
        model = RemoteModel(model_server.url, model_server.model, context_tokens=1024)
    with model:
        yield model


@pytest.fixture(scope="module")
def same_weights(tiny_model_path: Path) -> Iterator[LlamaModel]:
    """The model here, with the same attention as that server's.

    What is in its cache and how a prompt is cut into batches still changes logits of these 4-bit weights by some
    tenths, so that only answers that the model is sure of are the same.
    """
    with LlamaModel(tiny_model_path, context_tokens=1024, threads=1, flash_attention="off") as model:
        yield model


def answer(model: RemoteModel | LlamaModel, sampling: Sampling, messages: list[Message] = QUESTION) -> str:
    return "".join(model.generate(messages, sampling))


# Against llama-cpp-python's server


@pytest.mark.parametrize("text", ["Name three colours.", "Why is the sky blue?"])
def test_the_likeliest_answer_is_that_of_the_same_weights_here(
    remote: RemoteModel, same_weights: LlamaModel, text: str
) -> None:
    messages: list[Message] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
    here = answer(same_weights, Sampling(max_tokens=32), messages)
    assert here.strip()
    assert answer(remote, Sampling(max_tokens=32), messages) == here


def test_an_answer_that_was_cut_is_told_from_one_that_the_model_ended(remote: RemoteModel) -> None:
    cut = remote.generate(QUESTION, Sampling(max_tokens=3))
    assert "".join(cut)
    assert (cut.completion_tokens, cut.finish_reason) == (3, "length")
    ended = remote.generate([{"role": "user", "content": "Reply with the single word: yes"}], Sampling(max_tokens=200))
    assert "".join(ended)
    assert ended.finish_reason == "stop"


def test_the_same_seed_draws_the_same_answer_and_another_seed_another(remote: RemoteModel) -> None:
    drawn = [answer(remote, Sampling(temperature=1.5, top_k=0, top_p=1.0, seed=s, max_tokens=16)) for s in (7, 7, 8)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_text_to_stop_at_ends_the_answer_and_is_no_part_of_it(remote: RemoteModel) -> None:
    whole = answer(remote, Sampling(max_tokens=12))
    stop = whole.split()[-2]
    completion = remote.generate(QUESTION, Sampling(max_tokens=12, stop=(stop,)))
    assert "".join(completion) == whole[: whole.index(stop)]
    assert completion.finish_reason == "stop"


def test_parameters_beyond_openais_change_the_answer(remote: RemoteModel) -> None:
    plain = answer(remote, Sampling(max_tokens=40))
    assert answer(remote, Sampling(max_tokens=40, repeat_penalty=2.0)) != plain
    assert answer(remote, Sampling(max_tokens=4, grammar='root ::= "blue"')) == "blue"


def test_an_answer_keeps_to_a_schema(remote: RemoteModel) -> None:
    colours = {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "minItems": 2, "maxItems": 2}
    schema = {"type": "object", "properties": {"colours": colours}, "required": ["colours"]}
    given = json.loads(answer(remote, Sampling(max_tokens=60, schema=schema)))
    assert list(given) == ["colours"] and set(given["colours"]) <= {"red", "green", "blue"}


def test_logprobs_of_the_answer_are_reported(remote: RemoteModel) -> None:
    completion = remote.generate(QUESTION, Sampling(max_tokens=5, logprobs=3))
    assert "".join(completion) == "".join(token.text for token in completion.logprobs)
    assert len(completion.logprobs) == completion.completion_tokens == 5
    for token in completion.logprobs:
        assert token.logprob <= 0
        assert [token.text, token.logprob] == list(token.top[0])
        assert [p for _, p in token.top] == sorted((p for _, p in token.top), reverse=True) and len(token.top) == 3


@pytest.mark.parametrize(("yes", "no"), [(["1"], ["Red"]), (["Red"], ["1", "There"]), (["1", "There"], ["Red", "One"])])
def test_log_odds_are_those_of_the_same_weights_here(
    remote: RemoteModel, same_weights: LlamaModel, yes: list[str], no: list[str]
) -> None:
    here = same_weights.log_odds(QUESTION, yes, no)
    assert abs(here) > 2
    assert remote.log_odds(QUESTION, yes, no) == pytest.approx(here, abs=0.5)


def test_log_odds_of_a_word_that_is_not_likely_are_a_bound(remote: RemoteModel, tiny_model: LlamaModel) -> None:
    bound, exact = (model.log_odds(QUESTION, ["1"], ["zebra", "lion"]) for model in (remote, tiny_model))
    assert bound is not None and exact is not None and 0 < bound < exact
    opposite = remote.log_odds(QUESTION, ["zebra", "lion"], ["1"])
    assert opposite == pytest.approx(-bound)
    assert remote.log_odds(QUESTION, ["zebra"], ["lion"]) is None


def test_closing_the_iterator_stops_the_server(remote: RemoteModel, model_server: ModelServer) -> None:
    before = model_server.log.read_text().count("Disconnected from client")
    completion = remote.generate(QUESTION, Sampling(max_tokens=800, temperature=1.0, min_p=0.1))
    pieces = iter(completion)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert completion.finish_reason == "interrupted"
    started = time.monotonic()
    assert answer(remote, Sampling(max_tokens=2))
    assert time.monotonic() - started < 5  # 800 tokens take longer
    assert model_server.log.read_text().count("Disconnected from client") == before + 1


def test_two_threads_get_whole_answers(remote: RemoteModel) -> None:
    alone = answer(remote, Sampling(max_tokens=16))
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda: answers.append(answer(remote, Sampling(max_tokens=16)))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [alone] * 3


def test_a_prompt_that_leaves_no_room_for_the_answer_is_refused(remote: RemoteModel) -> None:
    with pytest.raises(ContextOverflowError, match="exceed the context of 1024"):
        remote.generate(QUESTION, Sampling(max_tokens=1020))
    with pytest.raises(ContextOverflowError, match="exceed the context of 1024"):
        remote.log_odds(QUESTION * 200, ["yes"], ["no"])


def test_a_prompt_that_the_server_finds_too_long_is_refused(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGSTONE_API_KEY", model_server.key)
    long: list[Message] = [{"role": "user", "content": "colour " * 1100}]
    model = RemoteModel(model_server.url, model_server.model, context_tokens=8192)
    with model, pytest.raises(ContextOverflowError, match="maximum context length is 1024"):
        model.log_odds(long, ["yes"], ["no"])


def test_a_wrong_key_is_refused_and_not_shown(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGSTONE_API_KEY", KEY)
    with pytest.raises(ServerError, match=r"HTTP 401: Invalid API key, although a key was sent\. Set RAGSTONE_API_KEY"):
        RemoteModel(model_server.url, model_server.model)
    monkeypatch.delenv("RAGSTONE_API_KEY")
    with pytest.raises(ServerError, match="and no key was sent"):
        RemoteModel(model_server.url, model_server.model)


def test_an_unknown_model_is_refused_with_the_names_of_those_that_there_are(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGSTONE_API_KEY", model_server.key)
    with pytest.raises(ModelNotFoundError, match=r"no model 'llama-9'\. Set model to one that it lists: smollm2-135m"):
        RemoteModel(model_server.url, "llama-9")


@pytest.mark.parametrize("text", SPOKEN.values(), ids=list(SPOKEN))
def test_an_estimate_is_above_the_true_number(tiny_model: LlamaModel, text: str) -> None:
    for messages in (
        [Message(role="user", content=text)],
        [Message(role="system", content=text), Message(role="user", content=" ".join([text] * 5))],
    ):
        assert tiny_model.count(messages) <= estimate(messages) < 4 * tiny_model.count(messages) + 100


# Against a server that misbehaves


@dataclass
class Misbehaving:
    """A real server that answers each chat request with the next of its replies, and the last one again and again."""

    replies: list[Callable[[BaseHTTPRequestHandler], None]]
    models: tuple[str, ...] | None = ("tiny",)
    others: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append((handler.path, dict(handler.headers)))
        body = json.loads(handler.rfile.read(int(handler.headers.get("Content-Length") or 0)) or "{}")
        if handler.path == "/v1/models" and self.models is not None:
            send(handler, {"data": [{"id": name} for name in self.models]})
        elif handler.path == "/v1/chat/completions":
            self.bodies.append(body)
            self.replies[min(len(self.bodies), len(self.replies)) - 1](handler)
        elif handler.path in self.others:
            send(handler, self.others[handler.path](body))
        else:
            send(handler, {"detail": "Not Found"}, 404)


def send(handler: BaseHTTPRequestHandler, given: object, status: int = 200, **headers: str) -> None:
    page = isinstance(given, str)
    data = given.encode() if isinstance(given, str) else json.dumps(given).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "text/html" if page else "application/json")
    handler.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)


Reply = Callable[[BaseHTTPRequestHandler], None]


def refuse(status: int, message: str = "out of cheese", **headers: str) -> Reply:
    return lambda handler: send(handler, {"error": {"message": message}}, status, **headers)


def event(text: str = "", reason: str | None = None, **more: object) -> bytes:
    given = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}], **more}
    return b"data: " + json.dumps(given, ensure_ascii=False).encode() + b"\n\n"


def stream(*parts: bytes | float, whole: bool = True) -> Reply:
    """Sends the parts, sleeping where one is a number of seconds; `whole` ends the answer as it should be."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for part in (*parts, *([event(reason="stop"), b"data: [DONE]\n\n"] if whole else ())):
            if isinstance(part, float):
                time.sleep(part)
            else:
                handler.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        if whole:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return reply


@contextmanager
def serving(*replies: Reply, port: int = 0, **more: Any) -> Iterator[Misbehaving]:
    told = Misbehaving(list(replies), **more)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            told.handle(self)

        def do_POST(self) -> None:
            told.handle(self)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:  # the client has gone, as it should
            pass

    with Server(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        told.url = f"http://127.0.0.1:{server.server_port}"
        yield told
        server.shutdown()


def failure(told: Misbehaving, kind: type[RagstoneError] = ServerError, timeout: float = 5) -> tuple[str, str, str]:
    """The text that came before a failure, the failure's, and the reason for which the answer ended."""
    with RemoteModel(told.url, "tiny", timeout=timeout) as model:
        completion = model.generate(QUESTION, Sampling(max_tokens=9))
        pieces: list[str] = []
        with pytest.raises(RagstoneError) as raised:
            pieces.extend(completion)
    assert type(raised.value) is kind, raised.value
    assert "\n" not in str(raised.value)
    return "".join(pieces), str(raised.value), completion.finish_reason


GOOD = stream(event("Red"), event(", blue"))


def test_a_server_that_asks_for_patience_gets_it() -> None:
    with serving(refuse(429, Retry_After="1"), GOOD) as told, RemoteModel(told.url, "tiny") as model:
        started = time.monotonic()
        assert answer(model, Sampling(max_tokens=9)) == "Red, blue"
        assert time.monotonic() - started >= 1
        assert len(told.bodies) == 2


def test_a_server_that_asks_for_too_much_patience_is_not_waited_for() -> None:
    with serving(refuse(429, "quota used up", Retry_After="86400")) as told:
        assert "HTTP 429: quota used up. " in failure(told)[1]
        assert len(told.bodies) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_that_fails_for_a_moment_is_asked_again(status: int) -> None:
    with serving(refuse(status), GOOD) as told, RemoteModel(told.url, "tiny") as model:
        assert answer(model, Sampling(max_tokens=9)) == "Red, blue"
        assert len(told.bodies) == 2


def test_a_server_that_goes_on_failing_is_given_up_with_its_own_words() -> None:
    with serving(refuse(500, "out\n  of   cheese.")) as told:
        text, said, reason = failure(told)
        assert (text, reason, len(told.bodies)) == ("", "interrupted", 4)
        assert said == f"{told.url}/v1: HTTP 500: out of cheese. Look at the server's log."


@pytest.mark.parametrize("status", [401, 403, 404, 409])
def test_what_will_not_pass_is_not_tried_again(status: int) -> None:
    with serving(refuse(status)) as told:
        assert f"HTTP {status}: out of cheese" in failure(told)[1]
        assert len(told.bodies) == 1


def test_a_server_that_starts_a_moment_later_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = threading.Event()

    def later() -> None:
        time.sleep(0.6)
        with serving(GOOD, port=port):
            done.wait(30)

    thread = threading.Thread(target=later)
    thread.start()
    try:
        with RemoteModel(f"http://localhost:{port}/v1/", "tiny") as model:
            assert answer(model, Sampling(max_tokens=9)) == "Red, blue"
    finally:
        done.set()
        thread.join()


def test_a_server_that_is_not_there_is_an_error_with_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(
        ServerError, match=rf"^http://127\.0\.0\.1:{port}/v1: it cannot be reached .*refused.*Check that it"
    ):
        RemoteModel(f"http://127.0.0.1:{port}", "tiny")


def test_a_host_that_does_not_exist_is_not_tried_again() -> None:
    started = time.monotonic()
    with pytest.raises(ServerError, match="cannot be reached"):
        RemoteModel("http://nowhere.invalid/v1", "tiny")
    assert time.monotonic() - started < 15


def test_a_stream_that_breaks_keeps_the_text_so_far_and_is_not_asked_again() -> None:
    with serving(stream(event("Red"), event(", blu"), whole=False)) as told:
        text, said, reason = failure(told, BrokenAnswerError)
        assert (text, reason, len(told.bodies)) == ("Red, blu", "interrupted", 1)
        assert "the answer broke off (the connection broke (" in said


def test_a_stream_that_breaks_before_its_first_token_is_asked_for_again() -> None:
    with serving(stream(whole=False), GOOD) as told, RemoteModel(told.url, "tiny") as model:
        assert answer(model, Sampling(max_tokens=9)) == "Red, blue"


def test_an_error_within_a_stream_breaks_the_answer() -> None:
    with serving(stream(event("Red"), b'data: {"error": {"message": "CUDA out of memory"}}\n\n', whole=False)) as told:
        text, said, _ = failure(told, BrokenAnswerError)
        assert text == "Red" and "(CUDA out of memory)" in said


def test_a_stream_that_ends_without_a_reason_is_no_whole_answer() -> None:
    with serving(stream(event("Red"), b"data: [DONE]\n\n", whole=False)) as told:
        text, said, reason = failure(told, BrokenAnswerError)
        assert (text, reason) == ("Red", "interrupted") and "before it was whole" in said


def test_a_server_that_hangs_is_left_even_if_it_keeps_the_connection_alive() -> None:
    with serving(stream(event("Red"), *[b": ping\n\n", 0.2] * 30)) as told:
        started = time.monotonic()
        text, said, _ = failure(told, BrokenAnswerError, timeout=1)
        assert text == "Red" and "no token came for 1 s" in said and time.monotonic() - started < 4


def test_a_server_that_says_nothing_is_left_and_not_asked_again() -> None:
    with serving(stream(3.0)) as told:
        assert "no token came for 1 s" in failure(told, timeout=1)[1]
        assert len(told.bodies) == 1


def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGSTONE_API_KEY", KEY)
    with serving(GOOD) as other, serving(refuse(307, Location=f"{other.url}/v1/chat/completions?secret=1")) as told:
        said = failure(told)[1]
        assert "it redirects to http://127.0.0.1/v1/chat/completions, which is not followed" in said
        assert told.requests[-1][1]["Authorization"] == f"Bearer {KEY}"
        assert not other.requests


@pytest.mark.parametrize(
    "given",
    [
        "<html>Welcome</html>",
        [],
        {"choices": 3},
        {"choices": [{"delta": "Red"}]},
        {"choices": [], "usage": {"prompt_tokens": 1}},
    ],
)
def test_what_no_such_server_sends_is_refused(given: object) -> None:
    data = b"data: " + (given if isinstance(given, str) else json.dumps(given)).encode() + b"\n\n"
    with serving(stream(data)) as told:
        assert "is not what an OpenAI-compatible server sends" in failure(told)[1]
    with serving(lambda handler: send(handler, given)) as told:
        assert "Check that the setting server is the address of the API" in failure(told)[1]


def test_an_address_that_is_not_the_api_is_refused() -> None:
    page = {"/v1/models": lambda _: "<html>Log in</html>"}
    refused = pytest.raises(ServerError, match=r"\(HTTP 200, text/html\)\. Check that the setting server")
    with serving(models=None, others=page) as told, refused:
        RemoteModel(told.url, "tiny")


def test_a_server_that_lists_no_models_is_used_all_the_same() -> None:
    with serving(GOOD, models=None) as told, RemoteModel(told.url, "tiny") as model:
        assert not model.is_listed
        assert answer(model, Sampling(max_tokens=9)) == "Red, blue"


def test_a_model_that_has_gone_is_named_with_those_that_there_are() -> None:
    with serving(refuse(404, "no such model")) as told, RemoteModel(told.url, "tiny") as model:
        told.models = ("large", "larger")
        with pytest.raises(ModelNotFoundError, match="large, larger"):
            answer(model, Sampling(max_tokens=9))


def test_a_server_that_refuses_unknown_fields_gets_only_those_of_openai() -> None:
    def strict(handler: BaseHTTPRequestHandler) -> None:
        unknown = told.bodies[-1].keys() & {"top_k", "min_p", "repeat_penalty", "repetition_penalty"}
        (refuse(400, f"Unrecognized request arguments: {sorted(unknown)}") if unknown else GOOD)(handler)

    with serving(strict) as told, RemoteModel(told.url, "tiny") as model:
        assert [answer(model, Sampling(max_tokens=9)) for _ in range(2)] == ["Red, blue"] * 2
        assert len(told.bodies) == 3  # it remembers
        with pytest.raises(ServerError, match=r"HTTP 400: Unrecognized request arguments: \['top_k'\]"):
            answer(model, Sampling(max_tokens=9, temperature=1, top_k=5))


def test_only_what_differs_from_the_defaults_is_sent_beyond_openais_fields() -> None:
    with serving(GOOD) as told, RemoteModel(told.url, "tiny") as model:
        answer(model, Sampling(max_tokens=9))
        answer(model, Sampling(max_tokens=9, mirostat=2, typical_p=0.5, grammar='root ::= "x"', penalty_tokens=8))
    plain, rich = told.bodies
    assert not plain.keys() & {"mirostat", "mirostat_mode", "typical_p", "grammar", "repeat_last_n", "response_format"}
    assert (rich["mirostat"], rich["mirostat_mode"], rich["typical_p"], rich["repeat_last_n"]) == (2, 2, 0.5, 8)
    assert rich["grammar"] == rich["structured_outputs"]["grammar"] == 'root ::= "x"'


def test_the_counts_are_the_servers_where_it_tells_them() -> None:
    usage = {"prompt_tokens": 50, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 30}}
    last = b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"
    with serving(stream(event("Red"), event(reason="length"), last)) as told, RemoteModel(told.url, "tiny") as model:
        completion = model.generate(QUESTION, Sampling(max_tokens=9))
        assert completion.prompt_tokens == estimate(QUESTION)
        assert "".join(completion) == "Red"
    assert told.bodies[0]["stream_options"] == {"include_usage": True}
    assert (completion.prompt_tokens, completion.completion_tokens, completion.read_tokens) == (50, 7, 20)


def test_signs_that_end_a_line_elsewhere_stay_in_the_text() -> None:
    with serving(stream(event("a\u2028b\u0085c\r\nd"))) as told, RemoteModel(told.url, "tiny") as model:
        assert answer(model, Sampling(max_tokens=9)) == "a\u2028b\u0085c\r\nd"


def test_llama_servers_and_vllms_own_counts_are_used(tiny_model: LlamaModel) -> None:
    """The two servers' requests and answers as their documentation has them, around the real tokenizer."""

    def template(body: dict[str, Any]) -> dict[str, str]:
        return {"prompt": json.dumps(body["messages"])}  # what it is does not matter: it comes back to be counted

    def tokenize(body: dict[str, Any]) -> dict[str, Any]:
        assert body["add_special"] and body["parse_special"]
        return {"tokens": list(range(tiny_model.count(json.loads(body["content"]))))}

    def vllm(body: dict[str, Any]) -> dict[str, Any]:
        assert body["model"] == "tiny"
        return {"count": tiny_model.count(body["messages"]), "max_model_len": 8192}

    exact = tiny_model.count(QUESTION)
    assert exact < estimate(QUESTION)
    for others in ({"/apply-template": template, "/tokenize": tokenize}, {"/tokenize": vllm}):
        with serving(others=others) as told, RemoteModel(told.url, "tiny") as model:
            assert [model.count(QUESTION) for _ in range(2)] == [exact] * 2
            with pytest.raises(ContextOverflowError, match=f"a prompt of {exact} tokens"):
                model.generate(QUESTION, Sampling(max_tokens=4096))


@pytest.mark.parametrize(
    "reply",
    [
        refuse(500, "logprobs is not supported for models created with logits_all=False"),
        refuse(400, "logprobs are not supported"),
        lambda handler: send(handler, {"choices": [{"message": {"content": "Yes"}, "finish_reason": "length"}]}),
    ],
)
def test_without_logprobs_log_odds_are_unknown(reply: Reply) -> None:
    with serving(reply) as told, RemoteModel(told.url, "tiny") as model:
        started = time.monotonic()
        assert model.log_odds(QUESTION, ["yes"], ["no"]) is None
        assert time.monotonic() - started < 0.4  # it is not tried again


def test_log_odds_know_words_that_begin_with_a_space_and_ignore_others() -> None:
    top = {"▁yes": 0.5, "Yes": 0.25, "no": 0.125, "nothing": 0.0625}
    given = [{"token": token, "logprob": math.log(p)} for token, p in top.items()]
    logprobs = {"content": [{"token": "▁yes", "logprob": math.log(0.5), "top_logprobs": given}]}
    whole = {"choices": [{"message": {}, "logprobs": logprobs}]}
    with serving(lambda handler: send(handler, whole)) as told, RemoteModel(told.url, "tiny") as model:
        assert model.log_odds(QUESTION, ["yes", "Yes"], ["no", "No"]) == pytest.approx(math.log(0.75 / 0.125))
        assert model.log_odds(QUESTION, ["yes"], ["never", "No"]) == pytest.approx(math.log(0.5 / (2 * 0.0625)))


def test_the_key_is_never_logged_or_shown(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGSTONE_API_KEY", f" {KEY}\n")
    caplog.set_level(logging.DEBUG)
    with serving(GOOD, refuse(403, f"the key {KEY} may not do this")) as told, RemoteModel(told.url, "tiny") as model:
        answer(model, Sampling(max_tokens=9))
        with pytest.raises(ServerError, match=r"the key \[key\] may not do this") as raised:
            answer(model, Sampling(max_tokens=9))
        shown = [repr(model), repr(vars(model)), repr(vars(model._server._client)), str(raised.value)]
    assert caplog.text  # the client logs what it does
    assert all(headers["Authorization"] == f"Bearer {KEY}" for _, headers in told.requests)
    assert not [text for text in (*shown, caplog.text) if KEY in text]


def test_a_key_that_is_none_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGSTONE_API_KEY", f"{KEY}\n{KEY}")
    with pytest.raises(SettingsError) as raised:
        RemoteModel("http://localhost:1", "tiny")
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["localhost:8080", "ftp://localhost/v1", f"http://me:{KEY}@localhost", f"http://localhost/v1?key={KEY}", "http://"],
)
def test_an_address_that_is_none_or_holds_a_key_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SettingsError, match="RAGSTONE_API_KEY") as raised:
        RemoteModel(url, "tiny")
    assert KEY not in str(raised.value)


def test_a_key_is_exposed_by_plain_http_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = ["http://192.0.2.1/v1", "https://192.0.2.1/v1", "http://localhost:8080"]
    monkeypatch.delenv("RAGSTONE_API_KEY", raising=False)
    assert not any(Connection(url).exposes_key for url in urls)
    monkeypatch.setenv("RAGSTONE_API_KEY", KEY)
    assert [Connection(url).exposes_key for url in urls] == [True, False, False]


def test_offline_only_a_server_on_this_machine_is_used() -> None:
    for url in ("http://192.0.2.1/v1", "https://models.example/v1", "http://localhost.example/v1"):
        with pytest.raises(OfflineError):
            RemoteModel(url, "tiny", offline=True)
    with serving(GOOD) as told, RemoteModel(told.url, "tiny", offline=True) as model:
        assert answer(model, Sampling(max_tokens=9)) == "Red, blue"
