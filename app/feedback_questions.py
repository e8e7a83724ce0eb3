"""What people said of answers, as questions of a set: an answer that was corrected must not be wrong again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..eval.making.drafts import Draft, EvidencePlace, read_rows, write_rows
from ..generation.grounding.claims import declines, strip_citations
from .feedback import Feedback

GROUP = "feedback"


def drafts_of(said: Iterable[Feedback]) -> list[Draft]:
    """A question for each answer that somebody said something of, oldest first.

    The last correction is the reference; an answer that only found approval is its own, and one that only found blame
    leaves the reference open. A citation that was called wrong is no evidence.
    """
    by_message: dict[int, list[Feedback]] = {}
    for one in sorted(said, key=lambda one: one.id):
        by_message.setdefault(one.message_id, []).append(one)
    return [_draft(about) for _, about in sorted(by_message.items())]


def add_drafts(path: Path, drafts: Sequence[Draft]) -> int:
    """Add to a file the questions that it does not hold yet; how many.

    Raises:
        DataError: The file is broken, or cannot be written.
    """
    rows = read_rows(path) if path.exists() else []
    known = {row["id"] for row in rows}
    new = [draft.row() for draft in drafts if draft.id not in known]
    if new or not path.exists():
        write_rows(path, [*rows, *new])
    return len(new)


def _draft(about: Sequence[Feedback]) -> Draft:
    first, kinds = about[0], {one.kind for one in about}
    answer = first.answer
    corrected = [one.text for one in about if one.kind == "correction" and one.text]
    approved = not corrected and kinds == {"good"}
    reference = corrected[-1] if corrected else ""
    if approved and not answer.get("abstained"):
        reference = strip_citations(str(answer.get("answer", ""))).strip()
    refused = bool(corrected) and declines(corrected[-1])
    answerable = not (refused or (approved and bool(answer.get("abstained"))))
    wrong = {one.citation for one in about if one.kind == "wrong source"}
    # What a wrong answer cites is no evidence; what a correction rests on nobody said.
    right = approved or not (kinds & {"bad", "correction"})
    evidence = tuple(_place(one) for one in answer.get("citations", ()) if right and one["n"] not in wrong)
    return Draft(
        id=f"feedback-{first.message_id}",
        question=str(answer.get("query") or first.question),  # a follow-up, made to stand alone
        kind=GROUP,
        answer=reference if answerable else "",
        answerable=answerable,
        evidence=evidence,
        remark=_remark(about, answer, wrong),
    )


def _place(citation: Mapping[str, Any]) -> EvidencePlace:
    given: dict[str, Any] = {
        name: citation.get(name) for name in ("document", "char_start", "char_end", "quote", "page")
    }
    return EvidencePlace(**given)


def _remark(about: Sequence[Feedback], answer: Mapping[str, Any], wrong: set[int | None]) -> str:
    said = ", ".join(sorted({one.kind for one in about}))
    sources = [one["document"] for one in answer.get("citations", ()) if one["n"] in wrong]
    told = f" It is not stated in {', '.join(dict.fromkeys(sources))}." if sources else ""
    reasons = "".join(f" “{one.text}”" for one in about if one.kind != "correction" and one.text)
    return (
        f"{said.capitalize()} was said of the answer: {strip_citations(str(answer.get('answer', '')))}{told}{reasons}"
    )
