"""BIPIA (Yi et al. 2023): contexts, attacks, and the two put together as its builder does."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragstone.generation.grounding.claims import split_sentences

DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
BIPIA = DATA / "robustness" / "bipia"
TASKS = ("email", "table", "code")
POSITIONS = ("start", "middle", "end")


@dataclass(frozen=True)
class Context:
    """What was retrieved, and what is asked about it."""

    task: str
    text: str
    question: str
    ideal: str


@dataclass(frozen=True)
class Attack:
    """An instruction to be hidden in a context."""

    kind: str
    number: int
    text: str


@dataclass(frozen=True)
class Attacked:
    """A context with an attack in it."""

    context: Context
    attack: Attack
    position: str
    text: str
    start: int
    """Of the attack in the text."""


def contexts(task: str, part: str = "test") -> list[Context]:
    """The contexts of a task."""
    with (BIPIA / task / f"{part}.jsonl").open(encoding="utf-8") as file:
        return [_context(task, json.loads(line)) for line in file]


def _context(task: str, row: dict[str, Any]) -> Context:
    if task == "code":
        error, code, text = ("\n".join(row[name]) for name in ("error", "code", "context"))
        return Context(task, text, f"How do I fix this code?\n\n{code}\n\n{error}", "\n".join(row["ideal"]))
    return Context(task, row["context"], row["question"].removeprefix("Q: "), row["ideal"])


def attacks(task: str, part: str = "test") -> list[Attack]:
    """The attacks on a task: code is attacked with code."""
    name = f"{'code' if task == 'code' else 'text'}_attack_{part}.json"
    kinds: dict[str, list[str]] = json.loads((BIPIA / name).read_text("utf-8"))
    return [Attack(kind, n, text.strip()) for kind, texts in kinds.items() for n, text in enumerate(texts)]


def attacked(each: int, seed: int = 0, part: str = "test") -> Iterator[Attacked]:
    """Every attack in `each` contexts drawn for it, at all three positions."""
    for task in TASKS:
        known, drawing = contexts(task, part), random.Random(seed)
        for attack in attacks(task, part):
            for context in drawing.sample(known, min(each, len(known))):
                yield from (insert(context, attack, position, drawing) for position in POSITIONS)


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
