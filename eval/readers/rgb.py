"""RGB's format: questions with passages that answer them, that do not, and that were falsified.

The passages of a question are those that RGB's own script would give, in its order: it draws them with a seed of its
own, anew for each question. Source: Chen et al., "Benchmarking Large Language Models in Retrieval-Augmented
Generation", AAAI 2024; `evalue.py` of its repository.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any, Literal

from ...errors import DataError
from .corpus import CorpusDocument
from .files import json_lines
from .questions import Parts, Pool, Question, QuestionSet, distinct

Testbed = Literal["noise", "rejection", "integration", "counterfactual"]

_FILES: dict[Testbed, str] = {"integration": "_int", "counterfactual": "_fact", "noise": "", "rejection": ""}
_SEED = 2333


def read_rgb(
    folder: Path, testbed: Testbed, noise_rate: float = 0.0, passages: int = 5, language: Literal["en", "zh"] = "en"
) -> QuestionSet:
    """Questions of a testbed; the testbed is the group, a question a source.

    `noise` and `rejection` read `en_refine.json`, or `en.json` where that is missing; in `rejection` no passage
    answers. In `counterfactual` the passages were falsified: `misleading` is what they say instead of the truth, and
    no document is relevant.

    Args:
        folder: The folder of the files, one JSON object a line.
        testbed: What is put to the test.
        noise_rate: The share of passages that do not answer, 0..1, rounded up; not heeded by `rejection`.
        passages: Given with a question; fewer where the data has no more.
        language: Of the data.

    Raises:
        DataError: A file is missing, or the noise rate is out of range.
    """
    if not 0 <= noise_rate <= 1:
        raise DataError(f"the noise rate is {noise_rate}", path=folder, remedy="Give one from 0 to 1")
    rate = 1.0 if testbed == "rejection" else noise_rate
    pool, questions = Pool(), []
    for row in json_lines(_file(folder, testbed, language)):
        given = [pool.add("", text) for text in _given(row, testbed, rate, passages)]
        holding = {text for text in _flat(row["positive"]) if testbed != "counterfactual"}
        relevant = tuple(dict.fromkeys(one.id for one in given if one.text in holding))
        answerable = testbed != "rejection" and rate < 1
        parts = _parts(row["answer"])
        questions.append(
            Question(
                id=f"{testbed}-{row['id']}",
                question=row["query"],
                references=_references(parts) if answerable else (),
                answerable=answerable,
                relevant=relevant if answerable else (),
                passages=_once(given),
                group=testbed,
                source=str(row["id"]),
                parts=parts if answerable else (),
                misleading=distinct(_flat(row.get("fakeanswer", []))) if testbed == "counterfactual" else (),
                language=language,
            )
        )
    return QuestionSet(f"rgb-{testbed}", tuple(questions), pool.documents())


def _file(folder: Path, testbed: Testbed, language: str) -> Path:
    refined = folder / f"{language}_refine.json"
    plain = folder / f"{language}{_FILES[testbed]}.json"
    return refined if not _FILES[testbed] and refined.is_file() else plain


def _given(row: dict[str, Any], testbed: Testbed, noise_rate: float, count: int) -> list[str]:
    """The texts that RGB's `processdata` gives."""
    drawing, negative = random.Random(_SEED), row["negative"]
    noise = math.ceil(count * noise_rate)
    if testbed == "integration":
        texts = _of_each_part(row["positive"], count - noise, drawing)
        texts += negative[: max(0, count - len(texts))]
    elif testbed == "counterfactual":
        wrong = row["positive_wrong"]
        places = list(range(len(row["positive"])))
        texts = [wrong[place] for place in drawing.sample(places, min(len(places), count - noise))]
        texts += negative[:noise]
    else:
        noise = min(noise, len(negative))
        if noise_rate < 1:
            noise = max(noise, count - len(row["positive"]))
        texts = [*row["positive"][: count - noise if noise_rate < 1 else 0], *negative[:noise]]
    drawing.shuffle(texts)
    return texts


def _of_each_part(positive: list[list[str]], count: int, drawing: random.Random) -> list[str]:
    """One passage for each part of the answer, then a second one for each, until there are enough."""
    shuffled = [list(texts) for texts in positive]
    for texts in shuffled:
        drawing.shuffle(texts)
    found = [texts[0] for texts in shuffled]
    for depth in range(1, max(map(len, shuffled))):
        found += [texts[depth] for texts in shuffled if len(texts) > depth]
    return found[: max(count, len(shuffled))]


def _once(documents: list[CorpusDocument]) -> tuple[CorpusDocument, ...]:
    return tuple(dict.fromkeys(documents))


def _flat(texts: Any) -> list[str]:
    return [texts] if isinstance(texts, str) else [text for one in texts for text in _flat(one)]


def _parts(answer: Any) -> Parts:
    """A text, or a list of what has to be named, each a text or a list of wordings."""
    return tuple(tuple(_flat(one)) for one in ([answer] if isinstance(answer, str) else answer))


def _references(parts: Parts) -> tuple[str, ...]:
    return distinct(parts[0]) if len(parts) == 1 else (", ".join(part[0] for part in parts),)
