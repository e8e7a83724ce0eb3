"""Parsers: one module a family of formats, each with `parse(data, path)`, loaded when its first file comes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from ...errors import ParseError
from ..parsed import ParsedDocument

Parser = Callable[[bytes, Path], ParsedDocument]

SUFFIXES = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".log": "text",
    ".rst": "text",
    ".csv": "table",
    ".tsv": "table",
}
"""The supported suffixes, in lower case, and the module of this package that parses each."""


def parse(path: Path) -> ParsedDocument:
    """Reads a file's text and structure.

    Raises:
        EncryptedError: The file is locked with a password.
        ParseError: The file cannot be read, is empty, corrupt or binary, or has no parser.
    """
    parser = _parser(path)
    try:
        data = path.read_bytes()
        if not data:
            raise ParseError("the file is empty", remedy="Fill it, or leave it out", path=path)
        return parser(data, path)
    except OSError as error:
        what = f"the file cannot be read ({error.strerror or type(error).__name__})"
        raise ParseError(what, remedy="Check that it is a file and that you may read it", path=path) from error
    except MemoryError as error:
        what = "the file takes more memory than there is"
        raise ParseError(what, remedy="Split it into smaller files", path=path) from error


def _parser(path: Path) -> Parser:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        what = f"there is no parser for {suffix} files" if suffix else "the file has no suffix that tells its format"
        raise ParseError(what, remedy=f"Convert it to one of {' '.join(SUFFIXES)}", path=path)
    parser: Parser = import_module(f".{SUFFIXES[suffix]}", __name__).parse
    return parser
