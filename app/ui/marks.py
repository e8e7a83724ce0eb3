"""An answer's text as HTML, with its citations as buttons and a mark after every sentence.

The text comes from a model and from documents: all of it is escaped, and there are no links and no images, so nothing
in it runs or is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

from markdown_it import MarkdownIt

from ...eval.report.wording import shorten
from .words import short

_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False})
    .enable(["table", "strikethrough"])
    .disable(["link", "image", "autolink", "html_inline", "html_block", "reference", "entity"])
)
# Stand for a button or a mark while Markdown is read. They are punctuation, so that `**` may close before them.
_OPEN, _CLOSE = "\u2e28", "\u2e29"
_PLACE = re.compile(rf"{_OPEN}(\d+)(?:\.(\d+))?{_CLOSE}")
_CITATION = re.compile(r"\[(\d+)\]")
_RULE = re.compile(r"[|\s:-]+")
_SIGNS = {"supported": ("✓", ""), "unsupported": ("?", "not supported"), "unscored": ("–", "not scored")}
_TIP_LENGTH = 300


def answer_html(answer: Mapping[str, Any], opened: Collection[str] = ()) -> str:
    """The text of an answer.

    Args:
        answer: As `ask --json` writes it, or a part of it.
        opened: The citations whose passage is shown (see `cite`).
    """
    text = str(answer["answer"]).replace(_OPEN, "(").replace(_CLOSE, ")")
    sentences = [] if answer["abstained"] else list(answer["sentences"])
    known = {citation["n"]: citation for citation in answer["citations"]}
    html = _MARKDOWN.render(_with_places(text, sentences, set(known)))

    def filled(place: re.Match[str]) -> str:
        sentence = int(place[1])
        if place[2] is None:
            return _mark(sentences[sentence], sentence)
        name = cite(sentence, int(place[2]))
        return _chip(known[int(place[2])], name, name in opened)

    return _PLACE.sub(filled, html)


def cite(sentence: int, n: int) -> str:
    """The name of a citation in a text: the sentence's index, and the number of the passage."""
    return f"{sentence}-{n}"


def legend(answer: Mapping[str, Any]) -> str:
    """How many sentences are supported, not supported and not scored, in words."""
    if answer["abstained"]:
        return ""
    counts = {verdict: sum(s["verdict"] == verdict for s in answer["sentences"]) for verdict in _SIGNS}
    names = {"supported": "supported", "unsupported": "not supported", "unscored": "not scored"}
    return " · ".join(f"{_SIGNS[v][0]} {count} {names[v]}" for v, count in counts.items() if count)


def _with_places(text: str, sentences: Sequence[Mapping[str, Any]], known: set[int]) -> str:
    parts, at = [], 0
    for number, sentence in enumerate(sentences):
        start, end = sentence["start"], sentence["end"]
        parts.append(text[at:start])
        words, at = text[start:end], end
        if words.lstrip().startswith(("```", "~~~")):
            parts.append(words)
            continue
        place = f"{_OPEN}{number}"
        cited = _CITATION.sub(partial(_numbered, place, known), words)
        if _RULE.fullmatch(words.rsplit("\n", 1)[-1]):  # the rule under a table's header
            parts.append(cited)
            continue
        body = cited.rstrip(" |\n")
        parts.append(f"{body} {place}{_CLOSE}{cited[len(body) :]}")
    return "".join([*parts, text[at:]])


def _numbered(place: str, known: set[int], citation: re.Match[str]) -> str:
    return f"{place}.{citation[1]}{_CLOSE}" if int(citation[1]) in known else citation[0]


def _chip(citation: Mapping[str, Any], name: str, opened: bool) -> str:
    where = short(citation["document"]) + ("" if citation["page"] is None else f", page {citation['page']}")
    n, state = citation["n"], "true" if opened else "false"
    return (
        f'<button type="button" class="chip" data-cite="{name}" aria-expanded="{state}" title="{escape(where)}" '
        f'aria-label="Source {n}: {escape(where)}">{n}</button>'
    )


def _mark(sentence: Mapping[str, Any], number: int) -> str:
    """A mark. For a screen reader its name is the verdict, and its description why; for the eye both are in the tip."""
    verdict = sentence["verdict"]
    sign, word = _SIGNS[verdict]
    word = word or ("another figure elsewhere" if _differing(sentence) else "")
    name, why = _told(sentence)
    shown = f" {word}" if word else ""
    return (
        f'<span class="mark {verdict}" role="note" tabindex="0" aria-label="{name}" aria-describedby="why-{number}">'
        f'<span aria-hidden="true">{sign}{shown}</span>'
        f'<span class="tip" aria-hidden="true">{name}: <span id="why-{number}">{escape(why)}</span></span></span>'
    )


def _differing(sentence: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where other documents have another figure; chats from before this was looked for know of none."""
    return list(sentence.get("differing", ()))


def _told(sentence: Mapping[str, Any]) -> tuple[str, str]:
    """How far a sentence is supported, and why, with the words of the document."""
    evidence = sentence.get("evidence")
    quote = f"“{shorten(evidence['quote'], _TIP_LENGTH)}” ({short(evidence['document'])})" if evidence else ""
    if sentence["verdict"] == "supported":
        others = [f"“{shorten(of['quote'], _TIP_LENGTH)}” ({short(of['document'])})" for of in _differing(sentence)]
        told = f"{quote} Another document has another figure: {'; '.join(others)}" if others else quote
        return f"Supported ({sentence['support']:.0%})", told
    if sentence["verdict"] == "unscored":
        return "Not scored", sentence.get("why") or "it states nothing that could be checked"
    elsewhere = [tuple(span) for span in sentence.get("elsewhere", ())]  # chats from before it was told have none
    missing = [tuple(span) for span in sentence["unsupported"] if tuple(span) not in elsewhere]
    parts = [
        f"no passage says {_quoted(sentence, missing)}." if missing else "",
        f"the passages say {_quoted(sentence, elsewhere)} of something else, or otherwise." if elsewhere else "",
        f"The nearest: {quote}" if quote else "",
    ]
    return "Not supported by the passages", " ".join(filter(None, parts)) or "none of them says this"


def _quoted(sentence: Mapping[str, Any], spans: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(f"“{sentence['text'][slice(*span)]}”" for span in spans)
