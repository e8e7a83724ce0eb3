"""`ragstone ask QUESTION` and `ragstone chat`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...eval.report.wording import counted, shorten
from ...retrieval.filters import as_filter
from .common import (
    emit_json,
    filter_options,
    how_scored,
    json_option,
    library_option,
    open_engine,
    place,
    show_choices,
    show_dropped,
)

if TYPE_CHECKING:
    from ...generation.citations import Sentence
    from ...retrieval.filters import Filter
    from ..engine import Answer, Ragstone, Turn


UNSUPPORTED = " [?]"
"""Stands after a sentence that the passages do not support; a line below says so in words."""

strict_option = click.option("--strict", is_flag=True, help="Leave out the sentences that the passages do not support.")


@click.command()
@click.argument("question")
@click.option("--model", help="A name of `ragstone models list`, or a GGUF file.")
@click.option("--explain", is_flag=True, help="Show the passages given to the model and why it answered.")
@click.option("--no-stream", is_flag=True, help="Show the answer when it is whole.")
@strict_option
@filter_options
@library_option
@json_option
def ask(
    question: str,
    model: str | None,
    explain: bool,
    no_stream: bool,
    strict: bool,
    conditions: tuple[str, ...],
    collection: str | None,
    library: Path | None,
    as_json: bool,
) -> int:
    """Answer a question from the documents, with citations."""
    if not question.strip():
        raise click.BadParameter("It is empty. Write a question.", param_hint="QUESTION")
    with open_engine(library, model=model) as rag:
        where = as_filter(conditions, collection)
        answer = _answer(rag, question, [], where, strict, stream=not (no_stream or as_json))
        if where is not None and not answer.hits:
            show_choices(rag.library, where)
    if as_json:
        emit_json(answer.as_json())
        return 0
    if no_stream:
        click.echo(_marked(answer))
    _show_sources(answer)
    if explain:
        _explain(answer)
    return 0


@click.command()
@click.option("--model", help="A name of `ragstone models list`, or a GGUF file.")
@strict_option
@filter_options
@library_option
def chat(
    model: str | None,
    strict: bool,
    conditions: tuple[str, ...],
    collection: str | None,
    library: Path | None,
) -> int:
    """Ask question after question; follow-ups may refer to what was said before."""
    history: list[Turn] = []
    where = as_filter(conditions, collection)
    with open_engine(library, model=model) as rag:
        rag.load_model()
        click.echo("Ask a question; an empty line ends the chat.", err=True)
        while question := _read_question():
            answer = _answer(rag, question, history, where, strict, stream=True)
            _show_sources(answer)
            history.append(answer.turn)
    return 0


def _read_question() -> str:
    if sys.stdin.isatty():
        try:
            return input("\n> ").strip()
        except EOFError:
            return ""
    return sys.stdin.readline().strip()


def _answer(
    rag: Ragstone, question: str, history: list[Turn], where: Filter | None, strict: bool, *, stream: bool
) -> Answer:
    """Ask, and show the answer: as it comes, or at the end."""
    shown, answer = "", None
    sentences: list[Sentence] = []
    for event in rag.ask_stream(question, history, filter=where, strict=strict or None):
        if event.kind == "token" and stream:
            shown += event.text
            click.echo(event.text, nl=False)
        if event.sentence is not None:
            sentences.append(event.sentence)
            if event.sentence.verdict == "unsupported" and stream:
                click.secho(UNSUPPORTED, nl=False, fg="yellow")
        answer = event.answer or answer
    assert answer is not None
    if shown:
        click.echo()
    if shown and answer.abstained:
        why = withdrawal([*sentences, *answer.removed], answer.confidence, rag.settings.min_confidence)
        click.secho(f"Withdrawn: {why}.", fg="yellow")
    if stream and answer.text != shown:
        click.echo(_marked(answer))
    return answer


def withdrawal(sentences: Sequence[Sentence], confidence: float, least: float) -> str:
    """Why an answer of these sentences does not stand; least is the confidence that an answer needs."""
    if confidence >= least:
        return "the model gives no answer"
    if any(sentence.verdict == "unsupported" for sentence in sentences):
        whole = "all of " if any(sentence.verdict == "supported" for sentence in sentences) else ""
        return f"the passages do not support {whole}this answer"
    unchecked = next((f" ({sentence.why})" for sentence in sentences if sentence.why), "")
    unread = f"this answer could not be checked{unchecked}, and " if unchecked else ""
    return (
        f"{unread}the confidence that the passages hold the answer is {confidence:.2f}, below min_confidence {least:g}"
    )


def _marked(answer: Answer) -> str:
    """The text with a mark after each sentence that is not supported."""
    text = answer.text
    for sentence in reversed(answer.sentences):
        if sentence.verdict == "unsupported":
            text = text[: sentence.end] + click.style(UNSUPPORTED, fg="yellow") + text[sentence.end :]
    return text


def _show_sources(answer: Answer) -> None:
    for sentence in answer.sentences:
        if sentence.verdict == "unsupported":
            click.secho(f"[?] Not supported by the passages: {_unsupported(sentence)}", fg="yellow")
        elif sentence.why:
            click.secho(f"[-] Not checked: {' '.join(sentence.text.split())} ({sentence.why})", fg="yellow")
    for sentence in answer.removed:
        left = f"not checked ({sentence.why})" if sentence.why else "not supported by the passages"
        click.secho(f"Left out, {left}: {_unsupported(sentence)}", fg="yellow")
    for c in answer.citations:
        click.secho(f"[{c.n}] {place(c.document, c.page)}", bold=True)
        click.echo(f'    "{shorten(c.quote, 240)}"')
    for other in dict.fromkeys(quote for sentence in answer.sentences for quote in sentence.differing):
        click.secho(f"[!] Another document has another figure: {other.document}", fg="yellow")
        click.echo(f'    "{shorten(other.quote, 240)}"')
    if answer.abstained and answer.hits:
        click.echo("The nearest passages are in:")
        for document, page in dict.fromkeys((h.chunk.document, h.chunk.page) for h in answer.hits[:3]):
            click.echo(f"    {place(document, page)}")


def _unsupported(sentence: Sentence) -> str:
    """A sentence on one line, and what of it no passage carries where that can be told."""
    said = " ".join(sentence.text.split())
    missing, elsewhere = (
        ", ".join(f'"{sentence.text[start:end]}"' for start, end in spans)
        for spans in ([span for span in sentence.unsupported if span not in sentence.elsewhere], sentence.elsewhere)
    )
    told = [f"no passage says {missing}"] if missing else []
    told += [f"the passages say {elsewhere} of something else, or otherwise"] if elsewhere else []
    return f"{said} ({'; '.join(told)})" if told else said


def _explain(answer: Answer) -> None:
    click.echo()
    click.echo(f"Searched for: {answer.query}")
    click.echo(f"Confidence that the passages hold the answer: {answer.confidence:.2f}")
    click.echo(f"Signals: {', '.join(f'{k} {v:.2f}' for k, v in dataclasses.asdict(answer.signals).items())}")
    support = "unscored" if answer.support is None else f"{answer.support:.2f}"
    click.echo(f"Support, the probability that the answer is right: {support}")
    click.echo(f"Prompts: {', '.join(f'{p.name} {p.version} ({p.sha256[:12]})' for p in answer.prompts)}")
    if answer.reasoning:
        click.echo(f"Reasoning: {answer.reasoning}")
    seconds = {name: f"{milliseconds / 1000:.2f} s" for name, milliseconds in answer.timings_ms.items()}
    taken = f"{seconds['retrieve']} to search, {seconds['first_token']} to the first word, {seconds['total']} in all"
    read, written = answer.tokens["prompt"], answer.tokens["completion"]
    click.echo(f"Model: {answer.model}; {counted(read, 'token')} read, {written:,} written; {taken}")
    for hit in answer.hits:
        click.echo(f"[{hit.rank}] {place(hit.chunk.document, hit.chunk.page)}  {how_scored(hit)}")
        click.echo(f"    {shorten(hit.chunk.passage, 160)}")
    show_dropped(answer.dropped)
