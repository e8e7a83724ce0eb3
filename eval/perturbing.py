"""Questions and passages, changed in ways that should not change the answer. The same seed gives the same change.

A question can be changed by each of `PERTURBATIONS`. Sources: errors of typing: Belinkov and Bisk, "Synthetic and
Natural Noise Both Break Neural Machine Translation", ICLR 2018; characters that are not seen, look alike or turn
around: Boucher et al., "Bad Characters: Imperceptible NLP Attacks", IEEE S&P 2022; the place of the passage that
answers: Liu et al., "Lost in the Middle", TACL 2024; passages that do not answer: Shi et al., "Large Language Models
Can Be Easily Distracted by Irrelevant Context", ICML 2023.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from .metrics.answers import best_subspan_em
from .readers.corpus import CorpusDocument
from .readers.questions import Question

Perturbation = Callable[[str, int], str]
"""A text and a seed to the text as it is changed."""
Place = Literal["first", "middle", "last"]

RATE = 0.1
"""Share of the letters that a perturbation of letters changes; never fewer than one."""

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_FRAMES = (
    "Can you tell me: {}",
    "I would like to know: {}",
    "Please answer this question: {}",
    "Hello! {} Thank you!",
    "One more question: {}",
)
_ODD = ("<|endoftext|>", "</s>", "[INST]", "<unk>", "\ufffd", "SolidGoldMagikarp", "{{question}}", "&nbsp;", "\\x00")
_INVISIBLE = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")
_COMBINING = ("\u0300", "\u0301", "\u0308", "\u0323", "\u0336")
_HOMOGLYPHS = str.maketrans("aceiopsxyABCEHIKMOPTX", "асеіорѕхуАВСЕНІКМОРТХ")
_RIGHT_TO_LEFT, _ISOLATE, _END = "\u202e", "\u2066", ("\u202c", "\u2069")


def typos(text: str, seed: int = 0, rate: float = RATE) -> str:
    """Letters of ASCII replaced by a neighbour (QWERTY), swapped with the next one, left out or doubled.

    Args:
        text: What is changed; figures stay, for a wrong one asks something else.
        seed: Of the draw.
        rate: Share of the letters that are changed, 0..1.
    """
    drawing, chars = random.Random(seed), list(text)
    for place in _drawn([place for place, char in enumerate(text) if char.lower() in _NEIGHBOURS], rate, drawing):
        char = text[place]
        kind = drawing.choice(("neighbour", "swap", "drop", "double"))
        if kind == "swap" and place + 1 < len(text) and text[place + 1].isalpha():
            chars[place], chars[place + 1] = chars[place + 1], chars[place]
        elif kind == "drop":
            chars[place] = ""
        elif kind == "double":
            chars[place] = char * 2
        else:
            near = drawing.choice(_NEIGHBOURS[char.lower()])
            chars[place] = near.upper() if char.isupper() else near
    return "".join(chars)


def _neighbours() -> dict[str, str]:
    """Each letter's neighbours: beside it, and on the rows below and above it, which are shifted to the right."""
    places = {char: (row, column) for row, chars in enumerate(_ROWS) for column, char in enumerate(chars)}
    steps = ((0, -1), (0, 1), (1, -1), (1, 0), (-1, 0), (-1, 1))
    by_place = {place: char for char, place in places.items()}
    return {
        char: "".join(by_place.get((row + down, column + right), "") for down, right in steps)
        for char, (row, column) in places.items()
    }


_NEIGHBOURS = _neighbours()


def lower_case(text: str, seed: int = 0) -> str:
    """All in lower case."""
    return text.lower()


def upper_case(text: str, seed: int = 0) -> str:
    """All in upper case."""
    return text.upper()


def unpunctuated(text: str, seed: int = 0) -> str:
    """Without the marks at its end."""
    return text.rstrip(" ?!.")


def framed(text: str, seed: int = 0) -> str:
    """As people begin and end a question: "Can you tell me: ...". The question itself stays word by word."""
    return random.Random(seed).choice(_FRAMES).format(text)


def odd_tokens(text: str, seed: int = 0) -> str:
    """With two tokens that no one writes: marks of a model's vocabulary, of templates, of broken pages."""
    drawing, words = random.Random(seed), text.split(" ")
    for token in drawing.sample(_ODD, 2):
        words.insert(drawing.randrange(len(words) + 1), token)
    return " ".join(words)


def invisible(text: str, seed: int = 0, rate: float = RATE) -> str:
    """With characters of no width after some letters."""
    return _after(text, _INVISIBLE, seed, rate)


def combining(text: str, seed: int = 0, rate: float = RATE) -> str:
    """With accents over, under and through some letters."""
    return _after(text, _COMBINING, seed, rate)


def homoglyphs(text: str, seed: int = 0, rate: float = RATE) -> str:
    """Some letters replaced by those of Cyrillic that look the same."""
    drawing, chars = random.Random(seed), list(text)
    for place in _drawn([place for place, char in enumerate(text) if ord(char) in _HOMOGLYPHS], rate, drawing):
        chars[place] = text[place].translate(_HOMOGLYPHS)
    return "".join(chars)


def turned_around(text: str, seed: int = 0) -> str:
    """One word written backwards, between marks of direction that show it as it was."""
    words = text.split(" ")
    place = random.Random(seed).randrange(len(words))
    words[place] = f"{_RIGHT_TO_LEFT}{_ISOLATE}{words[place][::-1]}{_END[1]}{_END[0]}"
    return " ".join(words)


def broken(text: str, seed: int = 0, rate: float = RATE) -> str:
    """Some letters as a broken encoding leaves them: U+FFFD beside what was a lone surrogate, and is `?` in UTF-8."""
    drawing, chars = random.Random(seed), list(text)
    for place in _drawn([place for place, char in enumerate(text) if char.isalpha()], rate, drawing):
        chars[place] += drawing.choice(("\ufffd", chr(drawing.randrange(0xD800, 0xE000))))
    return "".join(chars).encode("utf-8", "replace").decode("utf-8")


def _after(text: str, marks: Sequence[str], seed: int, rate: float) -> str:
    drawing, chars = random.Random(seed), list(text)
    for place in _drawn([place for place, char in enumerate(text) if char.isalpha()], rate, drawing):
        chars[place] += drawing.choice(marks)
    return "".join(chars)


def _drawn(places: Sequence[int], rate: float, drawing: random.Random) -> list[int]:
    count = min(len(places), max(1, round(rate * len(places)))) if rate > 0 else 0
    return sorted(drawing.sample(places, count))


PERTURBATIONS: Mapping[str, Perturbation] = {
    "typos": typos,
    "lower case": lower_case,
    "upper case": upper_case,
    "no punctuation": unpunctuated,
    "framed": framed,
    "odd tokens": odd_tokens,
    "invisible characters": invisible,
    "combining characters": combining,
    "homoglyphs": homoglyphs,
    "turned around": turned_around,
    "broken encoding": broken,
}


def perturbed(question: Question, name: str, seed: int = 0) -> Question:
    """A question changed by one of `PERTURBATIONS`; each question draws for itself. Its id stays.

    Args:
        question: The question.
        name: Of the perturbation.
        seed: Of all draws.

    Raises:
        KeyError: There is no such perturbation.
    """
    own = random.Random(f"{seed} {question.id}").randrange(2**32)
    return replace(question, question=PERTURBATIONS[name](question.question, own))


def given(
    question: Question,
    corpus: Mapping[str, CorpusDocument],
    distractors: int,
    place: Place = "first",
    seed: int = 0,
) -> Question:
    """A question with its relevant documents as passages among others that do not answer it.

    The others are drawn from the corpus. None in which a reference stands is taken, so there are fewer in a small one.

    Args:
        question: The question; one that cannot be answered gets the others only.
        corpus: Documents by id.
        distractors: How many others.
        place: Where the relevant ones stand among the others, which have the same order for every place.
        seed: Of the draw; each question draws for itself.
    """
    gold = [corpus[name] for name in question.relevant]
    drawing = random.Random(f"{seed} {question.id}")
    order = drawing.sample(list(corpus.values()), len(corpus)) if distractors else []
    others: list[CorpusDocument] = []
    for document in order:
        if len(others) == distractors:
            break
        if document.id not in question.relevant and not best_subspan_em(document.text, question.references):
            others.append(document)
    return replace(question, passages=arranged(gold, others, place))


def arranged(
    gold: Sequence[CorpusDocument], others: Sequence[CorpusDocument], place: Place
) -> tuple[CorpusDocument, ...]:
    """Passages in order, with those that answer before, amid or after the others."""
    before = {"first": 0, "middle": len(others) // 2, "last": len(others)}[place]
    return (*others[:before], *gold, *others[before:])


def shuffled(question: Question, seed: int = 0) -> Question:
    """A question with the passages that came with it in another order; each question draws for itself."""
    passages = random.Random(f"{seed} {question.id}").sample(question.passages, len(question.passages))
    return replace(question, passages=tuple(passages))
