"""Guesses at the next tokens, checked by the model in one step: what it would have drawn anyway comes sooner."""

from __future__ import annotations

from collections.abc import Sequence


class PromptLookup:
    """Guesses that an answer goes on as its prompt did after the same words.

    Source: Saxena, "Prompt Lookup Decoding", 2023. Where guesses fail, it makes fewer and then waits, because reading
    them takes time.

    Args:
        most: The longest guess, in tokens.
        longest: Of the last tokens, how many are looked for at first.
        shortest: ... and at last.
    """

    def __init__(self, most: int = 8, longest: int = 4, shortest: int = 2) -> None:
        self._most = most
        self._longest = longest
        self._shortest = shortest
        self._wait = 0
        self._hope = 0.6

    def propose(self, tokens: Sequence[int]) -> list[int]:
        """What may follow the prompt and the answer so far; nothing where there is no good guess."""
        if self._wait:
            self._wait -= 1
            return []
        for size in range(self._longest, self._shortest - 1, -1):
            end = tuple(tokens[-size:])
            for start in range(len(tokens) - size - 1, -1, -1):
                if tokens[start] == end[0] and tuple(tokens[start : start + size]) == end:
                    count = max(2, round(self._most * self._hope))
                    return list(tokens[start + size : start + size + count])
        return []

    def judge(self, proposed: int, right: int) -> None:
        """Tells how many of the last guesses were right."""
        if proposed:
            self._hope = 0.5 * self._hope + 0.5 * right / proposed
            self._wait = 0 if right else 4
