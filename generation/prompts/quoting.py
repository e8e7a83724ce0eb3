"""Text of documents in a prompt: it may say anything, and can still not pass for the prompt's own lines.

The prompt's own lines begin with `[n]` or a word and a colon (`Question:`, `Claim:`). A line of a document that begins
like one is quoted with `> `, as mbox does with lines that look like its own; no other line is touched. What looks like
a chat template's control token is taken apart: a model on this machine reads none in a document, but a server that
fills in the template as text would.

Only the prompt's copy is changed. Citations and their offsets come from the library.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TypedDict

LABEL_CHARACTERS = 200
"""The longest label; a title can be as long as whoever wrote the file liked."""

_OWN_LINE = re.compile(
    r"""^\W*?(?:
      \[\s*\d+(?:\s*,\s*\d+)*\s*\]
    | (?:system|developer|user|human|assistant|(?:last\s)?question|(?:final\s)?answer|passages?|instructions?|claim
        |conversation|summary)(?:\s(?:prompt|message|\d+))?[^\w\n]*?:
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_CONTROL_TOKEN = re.compile(
    r"""<(?=[|｜][^\s<>]{1,60}[|｜]>)          # <|im_start|>, <|eot_id|>, <｜User｜>
    |   <(?=/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn|think|tool_call|tool_response)>)
    |   <(?=</?sys>>)
    |   \[(?=/?(?:inst|system_prompt|available_tools|tool_calls|tool_results)\])""",
    re.IGNORECASE | re.VERBOSE,
)


class ShownPassage(TypedDict):
    """A passage as a template gets it."""

    n: int
    """The number by which it is cited."""
    label: str
    """Where it comes from, on one line."""
    text: str


def shown(n: int, label: str, text: str) -> ShownPassage:
    """A passage, made safe to stand in a prompt."""
    return {"n": n, "label": one_line(label), "text": quoted(text)}


def quoted(text: str) -> str:
    """A text of which no line begins as one of the prompt's own lines does, and that holds no control token."""
    lines = text.splitlines(keepends=True)
    return _CONTROL_TOKEN.sub(r"\g<0> ", "".join(f"> {line}" if _imitates(line) else line for line in lines))


def one_line(text: str, longest: int = LABEL_CHARACTERS) -> str:
    """A text without line breaks and control tokens, cut to `longest` characters."""
    line = _CONTROL_TOKEN.sub(r"\g<0> ", " ".join(text.split()))
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def _imitates(line: str) -> bool:
    plain = unicodedata.normalize("NFKC", line)
    return bool(_OWN_LINE.match("".join(c for c in plain if unicodedata.category(c) != "Cf")))
