"""Jupyter notebooks: the Markdown, the code and the text that it printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import ParseError
from ..parsed import ParsedDocument, ParseOptions
from .building import DocumentBuilder
from .markdown import read_markdown
from .text import clean, decode

_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_REPRESENTATION = re.compile(r"<[\w.]+(?: [^<>]*)? at 0x[0-9a-fA-F]+>|<Figure [^<>]*>")
"""What Python shows of an object that has nothing to show."""


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a notebook of version 3 or 4.

    Raises:
        ParseError: The file is no notebook.
    """
    notebook = _load(data, path)
    metadata = _dict(notebook.get("metadata"))
    builder = DocumentBuilder()
    for cell in _cells(notebook):
        _add(builder, cell, _language(metadata, cell))
    authors = (author.get("name") for author in _list(metadata.get("authors")) if isinstance(author, dict))
    named = {"author": ", ".join(name for name in authors if isinstance(name, str))}
    title = metadata.get("title")
    return builder.build(
        "application/x-ipynb+json", title if isinstance(title, str) and title else builder.first_heading, named
    )


def _load(data: bytes, path: Path) -> dict[str, Any]:
    try:
        notebook = json.loads(decode(data, path), parse_int=str)
    except (ValueError, RecursionError) as error:
        what = f"the notebook is broken ({type(error).__name__})"
        raise ParseError(what, remedy="Open it in Jupyter and save it again", path=path) from error
    if not isinstance(notebook, dict) or not {"cells", "worksheets"} & notebook.keys():
        raise ParseError("the file is no notebook", remedy="Give it its true suffix, or leave it out", path=path)
    return notebook


def _cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    sheets = [notebook, *_list(notebook.get("worksheets"))]  # version 3 has its cells in worksheets
    for sheet in sheets:
        yield from (cell for cell in _list(_dict(sheet).get("cells")) if isinstance(cell, dict))


def _language(metadata: dict[str, Any], cell: dict[str, Any]) -> str:
    info, kernel = _dict(metadata.get("language_info")), _dict(metadata.get("kernelspec"))
    names = (cell.get("language"), info.get("name"), kernel.get("language"))
    return next((name for name in names if isinstance(name, str) and re.fullmatch(r"[\w+#-]+", name)), "")


def _add(builder: DocumentBuilder, cell: dict[str, Any], language: str) -> None:
    kind, source = cell.get("cell_type"), _text(cell.get("source", cell.get("input")))
    if kind == "code":
        builder.code(source.strip("\n").rstrip(), language)
        for output in _list(cell.get("outputs")):
            builder.code(_output(_dict(output)))
    elif kind == "heading":
        level = str(cell.get("level", "1"))
        builder.heading(source, int(level) if level in "123456" and level else 1)
    elif kind == "markdown":
        builder.extend(read_markdown(clean(source), "text/markdown"))
    else:
        builder.paragraph(source)


def _output(output: dict[str, Any]) -> str:
    """What an output says in plain text; of an error its last line."""
    kind = output.get("output_type")
    if kind in ("error", "pyerr"):
        named = ": ".join(filter(None, (_text(output.get("ename")), _text(output.get("evalue")))))
        return named.strip().split("\n")[0]
    text = _text(output.get("text") or _dict(output.get("data")).get("text/plain"))
    text = _TERMINAL.sub("", text).strip("\n").rstrip()
    return "" if _REPRESENTATION.fullmatch(text) else text


def _text(value: Any) -> str:
    """A text, which a notebook may give as a list of its lines."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
