"""Parsers: one module a family of formats, loaded when its first file comes.

A module has `parse(data, path, options) -> ParsedDocument`, or, for files that hold files, `parts(data, path, options)
-> Iterator[Part]`, or both. Nothing that a document refers to is ever fetched, run or resolved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from posixpath import splitext
from types import ModuleType

from ...errors import ParseError
from ..parsed import ParsedDocument, ParseOptions, Part

_FAMILIES = {
    "pdf": ".pdf",
    "docx": ".docx .docm .dotx",
    "pptx": ".pptx .pptm .ppsx",
    "spreadsheet": ".xlsx .xlsm .xlsb .xls .ods",
    "opendocument": ".odt .odp .ott .otp",
    "rtf": ".rtf",
    "epub": ".epub",
    "html": ".html .htm .xhtml",
    "markdown": ".md .markdown .mdown .qmd .rmd .mdx",
    "rst": ".rst",
    "asciidoc": ".adoc .asciidoc .asc",
    "text": ".txt .text .log",
    "table": ".csv .tsv",
    "structured": ".json .jsonl .ndjson .xml .yaml .yml .toml .ini",
    "mail": ".eml .msg",
    "notebook": ".ipynb",
    "code": ".py .pyi .js .mjs .cjs .jsx .ts .tsx .java .kt .scala .c .h .cc .cpp .cxx .hpp .cs .go .rs .rb .php "
    ".swift .lua .r .jl .sh .bash .ps1 .sql .css .vue .dart .ex .hs .ml .pl .zig",
    "subtitles": ".srt .vtt .ass .ssa .sub",
    "image": ".png .jpg .jpeg .tif .tiff .bmp .webp",
    "archive": ".mbox .zip .tar .gz .tgz .bz2 .tbz2 .xz .txz",
}
SUFFIXES = {suffix: family for family, suffixes in _FAMILIES.items() for suffix in suffixes.split()}
"""The supported suffixes, in lower case, and the module of this package that reads each."""

NAMES = dict.fromkeys(("readme", "license", "licence", "copying", "notice", "authors", "changelog", "todo"), "text")
"""Files without a suffix that are read, by their name in lower case."""

CONVERTIBLE = "PDF, DOCX, HTML, Markdown or plain text"
"""What a file of another format is best made into."""
MAX_DEPTH = 4
"""Files inside files inside files: deeper ones are refused."""
MAX_PARTS = 20_000
MAX_UNPACKED = 2 << 30
"""Bytes that all parts of one file may have together."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A document of a file, or why there is none; neither for a part whose format no parser reads."""

    part: str
    """Its path inside the file; empty for the file itself."""
    document: ParsedDocument | None = None
    error: ParseError | None = None


def family(path: Path) -> str | None:
    """The module that reads a file, by its name; None if there is none."""
    return SUFFIXES.get(path.suffix.lower()) or NAMES.get(path.name.lower())


def parse(path: Path, options: ParseOptions | None = None) -> ParsedDocument:
    """Reads the text and structure of a file that is one document; what it holds inside is left out.

    Raises:
        EncryptedError: The file is locked with a password.
        ParseError: The file cannot be read, is empty, corrupt or binary, holds no document, or has no parser.
    """
    first = next(read(path, options), None)
    if first is not None and first.error is not None:
        raise first.error
    if first is None or first.part or first.document is None:
        raise ParseError("the file holds other files, but no text of its own", remedy="Ingest it", path=path)
    return first.document


def read(path: Path, options: ParseOptions | None = None) -> Iterator[Reading]:
    """Reads a file and the files inside it, one reading each. Errors are readings, not exceptions."""
    try:
        data = path.read_bytes()
    except OSError as error:
        what = f"the file cannot be read ({error.strerror or type(error).__name__})"
        remedy = "Check that it is a file and that you may read it"
        yield Reading("", error=ParseError(what, remedy=remedy, path=path))
        return
    yield from _Reader(options or ParseOptions()).read(data, path, "", 0)


class _Reader:
    """Reads one file, and keeps count of what it unpacks to."""

    def __init__(self, options: ParseOptions) -> None:
        self._options = options
        self._parts = self._bytes = 0
        self._used: dict[str, int] = {}

    def read(self, data: bytes, path: Path, part: str, depth: int) -> Iterator[Reading]:
        try:
            if not data:
                raise ParseError("the file is empty", remedy="Fill it, or leave it out", path=path)
            module = _module(path)
            if hasattr(module, "parse"):
                yield Reading(part, module.parse(data, path, self._options))
            if hasattr(module, "parts"):
                for inner in module.parts(data, path, self._options):
                    yield from self._part(inner, path, part, depth + 1)
                    self._options.alive()
        except ParseError as error:
            yield Reading(part, error=error)
        except MemoryError:
            what, remedy = "the file takes more memory than a parser may have", "Split it, or raise parse_memory_mb"
            yield Reading(part, error=ParseError(what, remedy=remedy, path=path))

    def _part(self, inner: Part, outer: Path, part: str, depth: int) -> Iterator[Reading]:
        name = self._unused(f"{part}/{inner.name}" if part else inner.name)
        path = outer / name.removeprefix(f"{part}/")
        if isinstance(inner.content, ParseError):
            yield Reading(name, error=inner.content)
            return
        self._parts += 1
        self._bytes += len(inner.content)
        if depth > MAX_DEPTH or self._parts > MAX_PARTS or self._bytes > MAX_UNPACKED:
            limits = f"{MAX_DEPTH} levels, {MAX_PARTS:,} files, {MAX_UNPACKED >> 30} GiB unpacked"
            raise ParseError(f"it holds more than is read of one file ({limits})", remedy="Unpack it", path=outer)
        if family(path) is None:
            yield Reading(name)
        else:
            yield from self.read(inner.content, path, name, depth)

    def _unused(self, name: str) -> str:
        """The path, numbered if another part of the file has it already."""
        stem, suffix = splitext(name)
        unique, number = name, self._used.get(name, 0)
        while unique in self._used:
            number += 1
            unique = f"{stem} ({number}){suffix}"
        self._used[name] = max(number, 1)
        self._used.setdefault(unique, 1)
        return unique


def _module(path: Path) -> ModuleType:
    name = family(path)
    if name is None:
        suffix = path.suffix.lower()
        what = f"there is no parser for {suffix} files" if suffix else "the file has no suffix that tells its format"
        raise ParseError(what, remedy=f"Convert it to {CONVERTIBLE}", path=path)
    return import_module(f".{name}", __name__)
