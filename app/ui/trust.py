"""How far an answer can be trusted, in a few words and in several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...eval.report.wording import counted
from ...generation.abstention import right

Colour = Literal["green", "orange", "red", "gray"]


@dataclass(frozen=True, slots=True)
class Trust:
    """A badge: its words say it all, the colour only repeats them."""

    words: str
    icon: str
    colour: Colour
    why: tuple[str, ...]
    """Sentences that explain it."""


def trust(answer: Mapping[str, Any]) -> Trust:
    """How far an answer, as `ask --json` writes it, can be trusted."""
    confidence = answer.get("confidence")
    held = "" if confidence is None else f"The passages hold the answer with a probability of {confidence:.0%}."
    if answer["abstained"]:
        why = ["Ragstone would rather give no answer than one that the documents do not carry.", held]
        if answer.get("withdrawn"):
            why.append("The model wrote something, and it was withdrawn, because it did not stand.")
        return Trust("No answer", ":material/block:", "gray", tuple(filter(None, why)))
    verdicts = [sentence["verdict"] for sentence in answer["sentences"]]
    supported, unsupported = verdicts.count("supported"), verdicts.count("unsupported")
    scored = supported + unsupported
    support = answer.get("support")
    if support is not None and confidence is not None:
        support = min(support, right(confidence))  # answers of earlier versions keep the verifier's
    differing = sum(bool(sentence.get("differing")) for sentence in answer["sentences"])
    unread = [sentence["why"] for sentence in answer["sentences"] if sentence.get("why")]
    are = "is" if supported == 1 else "are"
    why = [
        f"Of {counted(scored, 'sentence')} that could be checked, {supported} {are} supported by what they cite."
        if scored
        else ("" if unread else "No sentence states anything that could be checked."),
        f"Not checked: {len(unread)} of {counted(len(verdicts), 'sentence')}; {unread[0]}." if unread else "",
        f"Another document has another figure than {counted(differing, 'sentence')}." if differing else "",
        "" if support is None else f"As a whole, the answer is right with a probability of about {support:.0%}.",
        held,
        "A trained verifier compares every sentence with the passages. It can err: open a source to see for yourself.",
    ]
    told = tuple(filter(None, why))
    if not scored:
        return Trust("Not checked", ":material/remove:", "gray", told)
    if not unsupported:
        return Trust(f"Supported ({supported} of {scored})", ":material/check:", "green", told)
    if supported:
        return Trust(f"Partly supported ({supported} of {scored})", ":material/question_mark:", "orange", told)
    return Trust("Not supported", ":material/question_mark:", "red", told)
