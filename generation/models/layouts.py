"""A model's weights in another layout, beside those that were pulled: made for one processor, and used on no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from .catalogue import Model

_NOTE = ".layout.json"


@dataclass(frozen=True, slots=True)
class Layout:
    """Which layout the weights have, and what for."""

    name: str
    """Of llama.cpp, such as q8_0."""
    processor: str
    """The one that it was found faster on, with what it can do."""
    prefill: float
    """How many times as fast prompts are read as with the weights as they were pulled."""
    decode: float
    """How many times as fast answers are written."""
    bytes: int
    """Of the file."""


def layout_file(folder: Path, model: Model, name: str) -> Path:
    """Where the weights lie in a layout.

    Args:
        folder: The model's.
        model: A chat model.
        name: The layout's.
    """
    return folder / f"{Path(model.files[0].name).stem}.{name}.gguf"


def write_layout(folder: Path, model: Model, layout: Layout) -> None:
    """Have the file of a layout, which is there, used from now on."""
    note = {"of": model.files[0].sha256, **asdict(layout)}
    partial = folder / f"{_NOTE}.new"
    partial.write_text(json.dumps(note, indent=1), "utf-8")
    partial.replace(folder / _NOTE)


def read_layout(folder: Path, model: Model, processor: Callable[[], str]) -> Layout | None:
    """The layout that was made of a model for this processor, if its file is whole; else None.

    Args:
        folder: The model's.
        model: A chat model.
        processor: Tells this machine's; asked only where there is a layout.
    """
    with suppress(OSError, ValueError, TypeError):
        note = json.loads((folder / _NOTE).read_text("utf-8"))
        made_of = note.pop("of")
        layout = Layout(**note)
        whole = layout_file(folder, model, layout.name).stat().st_size == layout.bytes
        if whole and made_of == model.files[0].sha256 and layout.processor == processor():
            return layout
    return None


def remove_layout(folder: Path, model: Model) -> bool:
    """Delete the layout that was made of a model, for whichever processor. Returns whether there was one."""
    (folder / _NOTE).unlink(missing_ok=True)
    made = list(folder.glob(f"{Path(model.files[0].name).stem}.*.gguf"))
    for path in made:
        path.unlink()
    return bool(made)
