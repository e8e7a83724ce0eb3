"""Sentences for the detector of instructions: what they are made of, and where they come from."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import re
import sys
import tomllib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragstone.ingest.instructions.features import may_instruct, tokens
from ragstone.ingest.instructions.sentences import pieces, plain

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", ROOT.parent / "shared" / "data"))
BIPIA = DATA / "robustness" / "bipia"
_SLOT = re.compile(r"\{(\w+)\}")
OFF_TOPIC = (
    *("Information Retrieval", "Content Creation", "Learning and Tutoring", "Language Translation", "Programming Help"),
)
"""Kinds of attacks of BIPIA's training part that are harmless sentences in a wrong place."""


@dataclass(frozen=True, slots=True)
class Example:
    """A piece of text; `group` is what a fold of the cross-validation leaves out."""

    text: str
    instruction: bool
    group: str
    weight: float = 1.0


def attacks() -> Iterator[Example]:
    """BIPIA's training attacks that speak of the answer, without the code that some bring along."""
    for name in ("text_attack_train.json", "code_attack_train.json"):
        for kind, texts in json.loads((BIPIA / name).read_text("utf-8")).items():
            for text in texts:
                if kind not in OFF_TOPIC:
                    yield Example(text.split("\n```")[0], True, f"bipia {kind}", 10.0)


def made(seed: int, each: int) -> Iterator[Example]:
    """Each sentence of `injection.toml`, its slots filled in up to `each` ways."""
    drawing = random.Random(seed)
    told = tomllib.loads((ROOT / "training" / "injection.toml").read_text("utf-8"))
    for part in ("instructions", "harmless"):
        for group in told[part]:
            for pattern in group["texts"]:
                ways = {_filled(pattern, told["slots"], drawing) for _ in range(each)}
                for text in sorted(ways):
                    yield Example(text, part == "instructions", f"made {group['kind']}", 10.0 / len(ways))


def _filled(pattern: str, slots: dict[str, list[str]], drawing: random.Random) -> str:
    def value(slot: re.Match[str]) -> str:
        word = drawing.choice(slots[slot[1]])
        return word if slot.start() == 0 else word[0].lower() + word[1:] if slot[1] in _VERBS else word

    return _SLOT.sub(value, pattern)


_VERBS = frozenset(("insert", "change", "drop"))


def harmless(seed: int, most: int) -> list[Example]:
    """Sentences of documents, and questions, that are worth judging; each once."""
    seen: dict[str, str] = {}
    for source, text in itertools.chain(_documents(), _questions()):
        for start, end in pieces(text):
            if may_instruct(tokens(plain(text[start:end]))):
                seen.setdefault(text[start:end], source)
    rows = [Example(text, False, source) for text, source in seen.items()]
    random.Random(seed).shuffle(rows)
    return rows[:most]


def held_out(name: str) -> bool:
    """Whether a file is left for measuring."""
    return zlib.crc32(name.encode()) % 2 == 1


def _documents() -> Iterator[tuple[str, str]]:
    for file in sorted((DATA / "documents" / "flask").rglob("*.rst")):
        if not held_out(file.name):
            yield "flask", file.read_text("utf-8")
    for file in sorted((DATA / "retrieval" / "chroma_chunking" / "corpora").glob("*.md")):
        if file.stem != "chatlogs":  # whose text is prompts
            yield "chroma", file.read_text("utf-8")
    for kind in ("email", "table", "code"):
        for row in _lines(BIPIA / kind / "train.jsonl"):
            yield f"bipia {kind}", bipia_context(row)
    for row in itertools.islice(_lines(DATA / "retrieval" / "scifact" / "corpus.jsonl"), 3000):
        yield "scifact", row["text"]
    for name in ("squad2/dev-v2.0.json", "xquad/xquad.de.json", "xquad/xquad.es.json"):
        for article in _json(DATA / "qa" / name)["data"]:
            yield from (("wikipedia", paragraph["context"]) for paragraph in article["paragraphs"])
    with gzip.open(DATA / "qa" / "nq_open_oracle" / "nq-open-oracle.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            yield from (("wikipedia", passage["text"]) for passage in json.loads(line)["ctxs"])
    for article in _json(DATA / "qa" / "covid_qa" / "question-answering" / "200423_covidQA.json")["data"]:
        yield from (("covid", paragraph["context"]) for paragraph in article["paragraphs"])
    for report in _json(DATA / "qa" / "tatqa" / "tatqa_dataset_dev.json"):
        yield from (("reports", paragraph["text"]) for paragraph in report["paragraphs"])
    for file in sorted(Path(sys.prefix).glob("lib/python*/site-packages/*.dist-info/METADATA")):
        if file.parent.name.startswith("ragstone"):
            continue
        yield "readme", file.read_text("utf-8", "replace")


def _questions() -> Iterator[tuple[str, str]]:
    for name in ("squad2/dev-v2.0.json", "xquad/xquad.de.json"):
        for article in _json(DATA / "qa" / name)["data"]:
            for paragraph in article["paragraphs"]:
                yield from (("questions", qa["question"]) for qa in paragraph["qas"])


def bipia_context(row: dict[str, Any]) -> str:
    """A context of BIPIA as text; code comes as lines."""
    return row["context"] if isinstance(row["context"], str) else "\n".join(row["context"])


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
