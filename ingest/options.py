"""How files are ingested."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .chunking import METHODS, ChunkPlan
from .isolation import Limits
from .parsers import family
from .selection import Selection

PARSERS_VERSION = 7
"""Raised when parsers or chunker give other text for the same file, so that the next ingest reads every file again."""

_RECIPE = re.compile(rf"(\d+)/(.*)/({'|'.join(METHODS)})/(\d+)/(\d+)/([01])((?:/\w+)?)")

DuplicatePolicy = Literal["keep", "report", "skip"]


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How files are ingested."""

    plan: ChunkPlan = field(default_factory=ChunkPlan)
    limits: Limits = field(default_factory=Limits)
    selection: Selection = field(default_factory=Selection)
    duplicates: DuplicatePolicy = "report"
    """Near-duplicates are stored unseen, stored and reported, or reported and left out."""
    collection: str | None = None
    """Where the files go; None leaves known ones where they are, and puts new ones into none."""
    index_memory_mb: int = 2048
    """What the index's vectors may take in memory; see `retrieval.index`."""
    instructions: bool = True
    """Whether what speaks to the assistant is looked for (see `ingest.instructions`)."""
    embedding_model: str = ""
    """Its name, as part of what the stored chunks depend on; it has to mean the same from every folder."""

    def supports(self, path: Path) -> bool:
        """Whether there is a parser for such a file."""
        name = family(path)
        return name is not None and (name != "image" or self._recognizes)

    def recipe(self, path: Path) -> str:
        """What a file's stored chunks depend on besides its content; another recipe means reading it again."""
        plan = self.plan
        how = f"{PARSERS_VERSION}/{self.embedding_model}/{plan.method}/{plan.tokens}/{plan.overlap}/{plan.prefix:d}"
        return f"{how}/{self.limits.ocr}" if family(path) in ("pdf", "image") and self._recognizes else how

    @property
    def _recognizes(self) -> bool:
        from .parsers.ocr import available

        return self.limits.ocr != "off" and available()


def plan_of(recipe: str) -> ChunkPlan | None:
    """How the chunks of a file with this recipe were cut; None if it does not tell."""
    if not (told := _RECIPE.fullmatch(recipe)):
        return None
    method: Any = told[3]
    return ChunkPlan(method, int(told[4]), int(told[5]), told[6] == "1")


def with_model(recipe: str, model: str) -> str:
    """The recipe of the same chunks with vectors of another model."""
    return _RECIPE.sub(lambda told: f"{told[1]}/{model}/{told[3]}/{told[4]}/{told[5]}/{told[6]}{told[7]}", recipe)
