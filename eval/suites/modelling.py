"""Language modelling: how well does the chat model predict texts?"""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError
from ..readers.corpus import CorpusDocument
from ..tasks.perplexity import PerplexityTask, Texts
from . import DataSet, Suite


def _manual(folder: Path) -> Texts:
    files = sorted(folder.rglob("*.rst"))
    if not files:
        raise DataError("there is no such file", path=folder / "*.rst", remedy="Fetch the set as published")
    texts = [CorpusDocument(path.relative_to(folder).as_posix(), "", path.read_text("utf-8")) for path in files]
    return Texts.of("flask", texts)


PERPLEXITY: Suite[Texts] = Suite(
    "perplexity",
    "how surprised is the chat model by texts?",
    "pieces",
    PerplexityTask(),
    (DataSet("flask", "documents/flask", _manual, 262, "BSD-3-Clause", "The manual of Flask, as reStructuredText"),),
)
