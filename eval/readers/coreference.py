"""Winogender and WinoBias, sentences in which a pronoun refers to one of two people, from the published files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import DataError

Gender = Literal["male", "female", "neutral"]

_PRONOUNS: dict[str, dict[Gender, str]] = {
    "$NOM_PRONOUN": {"male": "he", "female": "she", "neutral": "they"},
    "$POSS_PRONOUN": {"male": "his", "female": "her", "neutral": "their"},
    "$ACC_PRONOUN": {"male": "him", "female": "her", "neutral": "them"},
}
_GENDERS: dict[str, Gender] = {
    **{"he": "male", "him": "male", "his": "male", "himself": "male"},
    **{"she": "female", "her": "female", "hers": "female", "herself": "female"},
}


@dataclass(frozen=True, slots=True)
class Coreference:
    """A sentence, its pronoun, and whom it may refer to."""

    id: str
    group: str
    """Winogender: the pronoun's gender. WinoBias: type1 (world knowledge decides) or type2 (syntax does)."""
    source: str
    """Winogender: the template. WinoBias: the sentence, which the pronoun's other gender shares."""
    sentence: str
    pronoun: str
    gender: Gender
    people: tuple[str, str]
    """Without an article."""
    label: int
    """The one of them that the pronoun refers to."""
    stereotyped: bool | None
    """Whether the right answer is the one that a stereotype gives too; None for a neutral pronoun."""


def read_winogender(folder: Path) -> tuple[Coreference, ...]:
    """The sentences of `all_sentences.tsv`; pronouns by `templates.tsv`, women's share by `occupations-stats.tsv`.

    The people are the occupation and the other participant, in this order. The right answer is a stereotype's unless
    the sentence is a "gotcha": for a female pronoun, one where it is the occupation, and less than 50 % of those in it
    are women (Bureau of Labor Statistics), or the participant, and at least 50 % are; reversed for a male pronoun.

    Source: Rudinger et al., "Gender Bias in Coreference Resolution", NAACL 2018, table 2.

    Raises:
        DataError: A file is missing or has not this form.
    """
    try:
        women = {row["occupation"]: float(row["bls_pct_female"]) for row in _table(folder / "occupations-stats.tsv")}
        slots = {
            (row["occupation(0)"], row["answer"]): next(name for name in _PRONOUNS if name in row["sentence"])
            for row in _table(folder / "templates.tsv")
        }
        return tuple(_winogender(row, slots, women) for row in _table(folder / "all_sentences.tsv"))
    except (LookupError, StopIteration, TypeError, ValueError) as error:
        raise DataError(
            f"a table is not in Winogender's form ({type(error).__name__}: {error})",
            path=folder,
            remedy="Fetch it again",
        ) from error


def _winogender(row: dict[str, str], slots: dict[tuple[str, str], str], women: dict[str, float]) -> Coreference:
    occupation, participant, answer, kind, _ = row["sentid"].split(".")
    gender: Gender = {"male": "male", "female": "female", "neutral": "neutral"}[kind]  # type: ignore[assignment]
    expects_woman = (women[occupation] >= 50) == (answer == "0")
    return Coreference(
        id=row["sentid"].removesuffix(".txt"),
        group=gender,
        source=f"{occupation}-{answer}",
        sentence=row["sentence"],
        pronoun=_PRONOUNS[slots[occupation, answer]][gender],
        gender=gender,
        people=(occupation, participant),
        label={"0": 0, "1": 1}[answer],
        stereotyped=None if gender == "neutral" else expects_woman == (gender == "female"),
    )


def read_winobias(folder: Path) -> tuple[Coreference, ...]:
    """The sentences of both types, dev and test, pro and anti; the two people in the sentence's order.

    Source: Zhao et al., "Gender Bias in Coreference Resolution: Evaluation and Debiasing Methods", NAACL 2018.

    Raises:
        DataError: A file is missing, or a line has not this form.
    """
    inner = folder / "wino" / "data"
    folder = inner if inner.is_dir() else folder
    occupations = [name for kind in ("male", "female") for _, name in _lines(folder / f"{kind}_occupations.txt")]
    found = []
    for kind in ("type1", "type2"):
        for split in ("dev", "test"):
            for side in ("pro", "anti"):
                path = folder / f"{side}_stereotyped_{kind}.txt.{split}"
                for number, line in _lines(path):
                    source = f"{kind}-{split}-{number}"
                    try:
                        found.append(_winobias(line, source, kind, side == "pro", occupations))
                    except ValueError as error:
                        raise DataError(
                            f"line {number} is not in WinoBias' form ({error})", path=path, remedy="Fetch it again"
                        ) from error
    return tuple(found)


def _winobias(line: str, source: str, kind: str, stereotyped: bool, occupations: list[str]) -> Coreference:
    text = line.split(" ", 1)[1]
    marks = [mark.strip() for mark in re.findall(r"\[([^\[\]]+)\]", text)]
    pronoun = next((mark.lower() for mark in marks if mark.lower() in _GENDERS), "")
    referents = {re.sub("^(the|a) ", "", mark.lower()) for mark in marks if mark.lower() not in _GENDERS}
    sentence = " ".join(re.sub(r"[\[\]]", "", text).split())
    names = sorted({re.escape(name.lower()) for name in (*occupations, *referents)}, key=len, reverse=True)
    found = {name.lower(): name for name in re.findall(rf"\b(?:{'|'.join(names)})\b", sentence, re.IGNORECASE)}
    other = next((name for name in found if name not in referents), "")
    people = [name for name in found if name in referents or name == other]
    if not pronoun or len(referents) != 1 or len(people) != 2:
        raise ValueError(f"the people are {', '.join(people)}, the pronoun is {pronoun!r}")
    return Coreference(
        id=f"{source}-{'pro' if stereotyped else 'anti'}",
        group=kind,
        source=source,
        sentence=sentence,
        pronoun=pronoun,
        gender=_GENDERS[pronoun],
        people=(found[people[0]], found[people[1]]),
        label=int(people[1] in referents),
        stereotyped=stereotyped,
    )


def _table(path: Path) -> Iterator[dict[str, str]]:
    rows = csv.reader((line for _, line in _lines(path)), delimiter="\t", quoting=csv.QUOTE_NONE)
    head = next(rows)
    return (dict(zip(head, row, strict=True)) for row in rows)


def _lines(path: Path) -> list[tuple[int, str]]:
    """Those with text, and their numbers."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError as error:
        raise DataError("there is no such file", path=path, remedy="Name its folder, or that of all sets") from error
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
