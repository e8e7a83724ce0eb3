"""Answers that people judged against the texts they should stand on, from the published files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import DataError
from .items import stratified

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class GroundedAnswer:
    """An answer, what it should stand on, and what people say of it."""

    id: str
    answer: str
    passages: tuple[str, ...]
    question: str | None = None
    grounded: bool | None = None
    """Whether people found everything that it says in the passages; None when nobody said."""
    spans: Spans | None = None
    """Where in the answer stands what the passages do not carry, (start, end) in code points; None when not told."""
    group: str = ""
    """The task or domain it belongs to."""
    generator: str = ""
    """The model that wrote it, where there are several."""
    source: str = ""
    """What it shares with answers that depend on it: the document, the claim."""
    alternatives: tuple[tuple[str, ...], ...] = ()
    """Other passages, of which each list is enough: the answer is as grounded as in the best of them."""


@dataclass(frozen=True, slots=True)
class GroundedSet:
    """A set of answers with unique ids."""

    name: str
    answers: tuple[GroundedAnswer, ...]

    def sample(self, answers: int | None, seed: int = 0) -> GroundedSet:
        """The same set with at most so many of its answers, drawn at random, in their old order."""
        if answers is None or answers >= len(self.answers):
            return self
        drawn = stratified([None] * len(self.answers), answers, seed)
        return replace(self, answers=tuple(self.answers[place] for place in drawn))

    def fingerprint(self) -> str:
        """SHA-256 of the answers and all that is told of them."""
        digest = hashlib.sha256()
        for one in self.answers:
            digest.update(json.dumps(asdict(one)).encode() + b"\n")
        return digest.hexdigest()


def read_summedits(folder: Path) -> GroundedSet:
    """SummEdits: summaries of a document, edited and judged; `summedits_DOMAIN.json`, label 1 is consistent.

    A domain is a group, a document a source. Source: Laban et al., "SummEdits: Measuring LLM Ability at Factual
    Reasoning Through the Lens of Summarization", EMNLP 2023.

    Raises:
        DataError: There is no such file.
    """
    files = sorted(folder.glob("summedits_*.json"))
    if not files:
        raise _absent(folder / "summedits_*.json")
    return GroundedSet("summedits", tuple(one for path in files for one in _summedits(path)))


def _summedits(path: Path) -> Iterator[GroundedAnswer]:
    domain, documents = path.stem.removeprefix("summedits_"), dict[str, int]()
    for place, row in enumerate(json.loads(path.read_text("utf-8"))):
        document = documents.setdefault(row["doc"], len(documents))
        yield GroundedAnswer(
            id=f"{domain}-{place}",
            answer=row["summary"],
            passages=(row["doc"],),
            grounded=bool(int(row["label"])),
            group=domain,
            source=f"{domain}-{document}",
        )


def read_wice(folder: Path, split: str = "test") -> GroundedSet:
    """WiCE with oracle retrieval: claims of Wikipedia and sentences of the pages that they cite, `SPLIT.jsonl`.

    Only `supported` is grounded; partially supported claims are not. Most claims have several rows, the choices of
    sentences by different annotators: as in WiCE's own evaluation a claim is as supported as by the best of them.
    Between the sentences of a row others may be left out, so each is a paragraph of its own.

    Source: Kamoi et al., "WiCE: Real-World Entailment for Claims in Wikipedia", EMNLP 2023; `oracle_chunks/README.md`
    and `postprocess_results.py` of its repository.

    Args:
        folder: The folder of the splits.
        split: `dev` or `test`.
    """
    claims: dict[str, GroundedAnswer] = {}
    for row in _rows(folder / f"{split}.jsonl"):
        name, passages = row["meta"]["id"], ("\n\n".join(row["evidence"]),)
        if name in claims:
            claims[name] = replace(claims[name], alternatives=(*claims[name].alternatives, passages))
            continue
        claims[name] = GroundedAnswer(
            id=name,
            answer=row["claim"],
            passages=passages,
            grounded=row["label"] == "supported",
            source=row["meta"]["claim_title"],
        )
    return GroundedSet("wice" if split == "test" else f"wice-{split}", tuple(claims.values()))


def read_factcheckgpt(folder: Path) -> GroundedSet:
    """FactCheck-GPT, subtask 3: claims of ChatGPT's answers and five web snippets each; a claim is a source.

    Of the four stances only `completely-support` is grounded: `partially-support` leaves a part of the claim open,
    and what refutes a claim or has no bearing on it does not support it.

    Source: Wang et al., "Factcheck-Bench: Fine-Grained Evaluation Benchmark for Automatic Fact-checkers", EMNLP 2024.
    """
    return GroundedSet(
        "factcheckgpt",
        tuple(
            GroundedAnswer(
                id=str(place),
                answer=row["claim"],
                passages=(row["evidence"],),
                grounded=row["stance"] == "completely-support",
                source=row["claim"],
            )
            for place, row in enumerate(_rows(folder / "subtask3_claim_evidence_stance.jsonl"))
        ),
    )


def read_ragtruth(folder: Path, split: str | None = None) -> GroundedSet:
    """RAGTruth as published: `response.jsonl` and `source_info.jsonl`.

    A response is grounded when people marked nothing in it. All marks count, also those that are true of the world
    (`implicit_true`) or due to a null in the record (`due_to_null`), and all responses whatever their `quality`: so
    count the published figures. A task is a group. The passages of a question are taken apart, a record of Data2txt
    is given as JSON.

    Source: Niu et al., "RAGTruth: A Hallucination Corpus for Developing Trustworthy Retrieval-Augmented Language
    Models", ACL 2024.

    Args:
        folder: The folder of both files.
        split: Which of the responses; by default `test`, or all where none is of it.

    Raises:
        DataError: A file is missing, or no response is of the split.
    """
    sources = {str(row["source_id"]): row for row in _rows(folder / "source_info.jsonl")}
    rows = list(_rows(folder / "response.jsonl"))
    splits = {row.get("split", "") for row in rows}
    wanted = {split or "test"} if split or "test" in splits else splits
    if not wanted <= splits:
        raise DataError(
            f"no response is of the split {split!r}",
            path=folder / "response.jsonl",
            remedy=f"The splits here are {', '.join(sorted(splits))}",
        )
    chosen = (row for row in rows if row.get("split", "") in wanted)
    return GroundedSet("ragtruth", tuple(_ragtruth(row, sources[str(row["source_id"])]) for row in chosen))


def _ragtruth(row: dict[str, Any], source: dict[str, Any]) -> GroundedAnswer:
    told, question = source["source_info"], None
    if isinstance(told, str):
        passages: tuple[str, ...] = (told,)
    elif source["task_type"] == "QA":
        question, passages = told["question"], _taken_apart(told["passages"])
    else:
        passages = (json.dumps(told, indent=1, ensure_ascii=False),)
    spans = _spans(row["labels"])
    return GroundedAnswer(
        id=str(row["id"]),
        answer=row["response"],
        passages=passages,
        question=question,
        grounded=not spans,
        spans=spans,
        group=source["task_type"],
        generator=row["model"],
        source=str(row["source_id"]),
    )


def _taken_apart(passages: str) -> tuple[str, ...]:
    """`passage 1:...`, `passage 2:...`, one below the other, without these marks."""
    parts = re.split(r"(?:\A|\n)\s*passage \d+:", passages)
    return tuple(part.strip() for part in parts if part.strip())


def read_ragtruth_summaries(folder: Path) -> GroundedSet:
    """The summaries of RAGTruth's test split as FaithJudge regrouped them, `ragtruth_summary.jsonl`; see
    `read_ragtruth`."""
    return GroundedSet(
        "ragtruth-summary",
        tuple(
            GroundedAnswer(
                id=f"{row['source_id']}-{one['model']}",
                answer=one["response"],
                passages=(row["source"],),
                grounded=not one["labels"],
                spans=_spans(one["labels"]),
                group="Summary",
                generator=one["model"],
                source=str(row["source_id"]),
            )
            for row in _rows(folder / "ragtruth_summary.jsonl")
            for one in row["responses"]
        ),
    )


def _spans(labels: Iterable[dict[str, Any]]) -> Spans:
    return tuple(sorted((int(label["start"]), int(label["end"])) for label in labels))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                if line.strip():
                    yield json.loads(line)
    except FileNotFoundError as error:
        raise _absent(path) from error


def _absent(path: Path) -> DataError:
    return DataError("there is no such file", path=path, remedy="Name the folder of this set, or that of all sets")
