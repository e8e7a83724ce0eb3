"""The prompts, one text file each."""

from functools import cache
from importlib.resources import files


@cache
def prompt(name: str) -> str:
    """The text of the prompt `name`."""
    return files(__name__).joinpath(f"{name}.txt").read_text("utf-8").strip()
