"""RGB's measures: whether an answer names what it should, refuses, and sees that passages are wrong.

Source: Chen et al., "Benchmarking Large Language Models in Retrieval-Augmented Generation", AAAI 2024; `evalue.py` of
its repository. There, accuracy is the mean of `names_all` over the questions of a testbed, the rejection rate that of
`refuses` where no passage answers, the error detection rate that of `detects_error`, and the error correction rate the
mean of `names_all` over the answers that detect one.
"""

from __future__ import annotations

from collections.abc import Sequence

_REFUSALS = ("insufficient information", "信息不足")
_ERRORS = ("factual errors", "事实性错误")


def names_all(answer: str, parts: Sequence[Sequence[str]], language: str = "en") -> float | None:
    """1.0 when every part stands in the answer in one of its wordings, whatever the case, else 0.0.

    An answer that refuses names nothing. None when there is nothing to name.
    """
    if not parts:
        return None
    said = _spoken(answer, language).lower()
    return float(not refuses(answer, language) and all(any(one.lower() in said for one in part) for part in parts))


def refuses(answer: str, language: str = "en") -> bool:
    """Whether an answer says that there is not enough information, in the words that RGB's prompt asks for.

    A system that abstains in a way of its own is right to count that instead.
    """
    return any(words in _spoken(answer, language) for words in _REFUSALS)


def detects_error(answer: str, language: str = "en") -> bool:
    """Whether an answer says that the passages are wrong, in the words that RGB's prompt asks for."""
    return any(words in _spoken(answer, language) for words in _ERRORS)


def repeats_error(answer: str, misleading: Sequence[str], language: str = "en") -> float | None:
    """1.0 when a falsified answer stands in the answer, whatever the case, else 0.0; our own measure.

    None when nothing was falsified.
    """
    said = _spoken(answer, language).lower()
    return float(any(wrong.lower() in said for wrong in misleading)) if misleading else None


def _spoken(answer: str, language: str) -> str:
    return answer.replace(" ", "") if language == "zh" else answer
