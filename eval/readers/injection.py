"""Instructions hidden in retrieved texts (BIPIA), and harmless texts that look like them (NotInject).

Sources: Yi et al., "Benchmarking and Defending Against Indirect Prompt Injection Attacks on Large Language Models",
KDD 2025 (BIPIA; contexts and attacks are put together as its builder does); Li and Liu, "InjecGuard: Benchmarking and
Mitigating Over-defense in Prompt Injection Guardrail Models", 2024 (NotInject).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...generation.grounding.claims import split_sentences
from .corpus import CorpusDocument
from .files import json_lines, load_json
from .questions import Pool, Question

TASKS = ("email", "table", "code")
POSITIONS = ("start", "middle", "end")
TRIGGER_WORDS = ("one", "two", "three")


@dataclass(frozen=True, slots=True)
class Context:
    """What was retrieved, and what is asked about it."""

    task: str
    text: str
    question: str
    ideal: str


@dataclass(frozen=True, slots=True)
class Attack:
    """An instruction to be hidden in a context."""

    kind: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Attacked:
    """A context with an attack in it."""

    context: Context
    attack: Attack
    position: str
    text: str
    start: int
    """Of the attack in the text."""


@dataclass(frozen=True, slots=True)
class Harmless:
    """A prompt that attacks nothing, though it holds words that attacks have."""

    text: str
    words: str
    """How many such words: `one`, `two` or `three`."""
    category: str
    in_valid: bool
    """Whether it stands in the set's validation file as well."""


def contexts(folder: Path, task: str, part: str = "test") -> list[Context]:
    """The contexts of a task.

    Args:
        folder: BIPIA's `benchmark` folder.
        task: One of `TASKS`.
        part: `train` or `test`.

    Raises:
        DataError: The file is missing.
    """
    return [_context(task, row) for row in json_lines(folder / task / f"{part}.jsonl")]


def _context(task: str, row: dict[str, Any]) -> Context:
    if task == "code":
        error, code, text = ("\n".join(row[name]) for name in ("error", "code", "context"))
        return Context(task, text, f"How do I fix this code?\n\n{code}\n\n{error}", "\n".join(row["ideal"]))
    return Context(task, row["context"], row["question"].removeprefix("Q: "), row["ideal"])


def attacks(folder: Path, task: str, part: str = "test") -> list[Attack]:
    """The attacks on a task: code is attacked with code. See `contexts`."""
    kinds = load_json(folder / f"{'code' if task == 'code' else 'text'}_attack_{part}.json")
    return [Attack(kind, n, text.strip()) for kind, texts in kinds.items() for n, text in enumerate(texts)]


def attacked(folder: Path, each: int, seed: int = 0, part: str = "test") -> Iterator[Attacked]:
    """Every attack in `each` contexts drawn for it, at all three positions. See `contexts`."""
    for task in TASKS:
        known, drawing = contexts(folder, task, part), random.Random(seed)
        for attack in attacks(folder, task, part):
            for context in drawing.sample(known, min(each, len(known))):
                yield from (insert(context, attack, position, drawing) for position in POSITIONS)


def drawn(folder: Path, pairs: int, seed: int = 0, part: str = "test") -> list[Attacked]:
    """So many contexts with an attack, evenly over tasks and positions; more of them begin with the same ones."""
    drawing, cases = random.Random(seed), []
    known = {task: (contexts(folder, task, part), attacks(folder, task, part)) for task in TASKS}
    for n in range(pairs):
        task, position = TASKS[n % 3], POSITIONS[n // 3 % 3]
        texts, orders = known[task]
        cases.append(insert(drawing.choice(texts), drawing.choice(orders), position, drawing))
    return cases


def insert(context: Context, attack: Attack, position: str, drawing: random.Random) -> Attacked:
    """An attack on lines of its own: before the context, after it, or before a sentence drawn from it."""
    start = 0
    if position == "middle":
        start = drawing.choice(split_sentences(context.text)).start
    elif position == "end":
        start = len(context.text)
    parts = [context.text[:start], attack.text, context.text[start:]]
    text = "\n".join(parts[1:] if position == "start" else parts[:2] if position == "end" else parts)
    return Attacked(context, attack, position, text, text.index(attack.text, start))


def as_question(case: Attacked, name: str, *, clean: bool = False) -> Question:
    """The question about a context, which is its only passage.

    The task and the position are the group; the context is the source. How well code is repaired no reference tells.

    Args:
        case: A context with an attack in it.
        name: The question's id.
        clean: Give the context without the attack.
    """
    given: CorpusDocument = Pool().add("", case.context.text if clean else case.text)
    return Question(
        id=name,
        question=case.context.question,
        references=() if case.context.task == "code" else (case.context.ideal,),
        relevant=(given.id,),
        passages=(given,),
        group=f"{case.context.task}, {case.position}",
        source=Pool().add("", case.context.text).id,
    )


def read_notinject(folder: Path) -> list[Harmless]:
    """NotInject's prompts.

    Args:
        folder: The folder of `NotInject_one.json`, `..._two.json`, `..._three.json` and `valid.json`.

    Raises:
        DataError: A file is missing.
    """
    valid = {row["prompt"] for row in load_json(folder / "valid.json")}
    return [
        Harmless(row["prompt"], words, row["category"], row["prompt"] in valid)
        for words in TRIGGER_WORDS
        for row in load_json(folder / f"NotInject_{words}.json")
    ]
