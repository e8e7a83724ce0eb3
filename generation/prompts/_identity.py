"""Which words a model was asked with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PromptIdentity:
    """A prompt, or a file of examples, as a record of answers names it."""

    name: str
    version: str
    """As the file says; examples tell none."""
    sha256: str
    """Of the file's bytes."""
