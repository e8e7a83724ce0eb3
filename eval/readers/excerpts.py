"""Questions whose answers are excerpts of a corpus, told to the character, as Chroma's chunking evaluation has them.

Source: Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", Chroma 2024; the repository
brandonstarxel/chunking_evaluation.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import DataError
from .corpus import CorpusDocument
from .files import open_text
from .items import stratified

Range = tuple[int, int]
"""Start and end in code points."""


@dataclass(frozen=True, slots=True)
class ExcerptQuestion:
    """A question, and where its answer stands in its document."""

    question: str
    document: str
    """Its id: the name of the corpus."""
    references: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class ExcerptSet:
    """Questions, and the documents whose excerpts answer them."""

    name: str
    questions: tuple[ExcerptQuestion, ...]
    corpus: tuple[CorpusDocument, ...]

    def sample(self, questions: int | None, seed: int = 0) -> ExcerptSet:
        """The same documents with at most so many of the questions, drawn at random, in their old order."""
        if questions is None or questions >= len(self.questions):
            return self
        drawn = stratified([None] * len(self.questions), questions, seed)
        return replace(self, questions=tuple(self.questions[place] for place in drawn))


def read_chroma(folder: Path) -> ExcerptSet:
    """`questions_df.csv` and `corpora/*.md`; a corpus is one document.

    Raises:
        DataError: A file is missing.
    """
    files = sorted((folder / "corpora").glob("*.md"))
    if not files:
        raise DataError("there is no such file", path=folder / "corpora" / "*.md", remedy="Fetch the set as published")
    corpus = tuple(CorpusDocument(path.stem, "", path.read_text("utf-8"), "text/markdown") for path in files)
    with open_text(folder / "questions_df.csv") as file:
        questions = tuple(
            ExcerptQuestion(
                row["question"],
                row["corpus_id"],
                tuple((int(one["start_index"]), int(one["end_index"])) for one in json.loads(row["references"])),
            )
            for row in csv.DictReader(file)
        )
    return ExcerptSet("chroma-chunking", questions, corpus)
