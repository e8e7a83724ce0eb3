"""Source code: the file's own text, with a block for each definition, which bears its name."""

from __future__ import annotations

import re
import time
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tree_sitter import Node, Parser
from tree_sitter_language_pack import SupportedLanguage, get_parser

from ..parsed import Block, ParsedDocument, ParseOptions
from .spans import block, line_spans, paragraphs
from .text import decode

_LANGUAGES = {
    "python": ".py .pyi",
    "javascript": ".js .mjs .cjs .jsx",
    "typescript": ".ts",
    "tsx": ".tsx",
    "java": ".java",
    "kotlin": ".kt",
    "scala": ".scala",
    "c": ".c .h",
    "cpp": ".cc .cpp .cxx .hpp",
    "csharp": ".cs",
    "go": ".go",
    "rust": ".rs",
    "ruby": ".rb",
    "php": ".php",
    "swift": ".swift",
    "lua": ".lua",
    "r": ".r",
    "julia": ".jl",
    "bash": ".sh .bash",
    "powershell": ".ps1",
    "sql": ".sql",
    "css": ".css",
    "vue": ".vue",
    "dart": ".dart",
    "elixir": ".ex",
    "haskell": ".hs",
    "ocaml": ".ml",
    "perl": ".pl",
    "zig": ".zig",
}
_BY_SUFFIX = {suffix: language for language, suffixes in _LANGUAGES.items() for suffix in suffixes.split()}
_LONGEST_PARSED = 500_000
"""Bytes; longer files are generated, and their grammar says little."""
_MOST_SECONDS = 5
_MOST_REPETITIVE = 25
"""Bytes for one compressed. Nobody's code is more repetitive, but nesting is, which costs a grammar the square of its
length even after the last byte, when it can no longer be stopped."""
_SHORT = 4096
_SLICE = 1 << 16

# Grammars name their nodes alike, so that one pattern finds the definitions of nearly all languages.
_SORT = r"(?:_(?:definition|declaration|declaration_statement|specifier|item|statement|spec|method_definition))?"
_CONTAINER = re.compile(
    r"(?:abstract_|file_scoped_)?"
    r"(?:class|interface|struct|trait|object|enum|protocol|extension|namespace|module|mod|impl|record|union|mixin)"
    + _SORT
    + "|internal_module|companion_object"
)
_DEFINITION = re.compile(
    r"(?:local_|generator_|singleton_|class_)?"
    r"(?:function|method|constructor|destructor|init|deinit|property|subroutine|macro|type|type_alias|value)"
    + _SORT
    + "|(?:function|method|protocol_function|function_signature)_(?:signature|declaration|item)"
    "|create_(?:table|view|function|procedure|trigger)|bind|data_type|instance|FnProto"
)
_WRAPPERS = frozenset(
    "decorated_definition export_statement template_declaration statement expression_statement Decl".split()
)
"""Nodes around a definition that are a part of it."""
_VARIABLES = frozenset("lexical_declaration variable_declaration binary_operator".split())
_FUNCTIONS = frozenset("arrow_function function_expression function_definition".split())
_TRANSPARENT = frozenset(
    "statement_list declarations block class_body declaration_list interface_body enum_body enum_body_declarations "
    "enum_class_body template_body body_statement field_declaration_list protocol_body extension_body statement_block "
    "structure module_binding do_block preproc_ifdef preproc_if preproc_else linkage_specification".split()
)
"""Nodes whose children count as those of the node around."""
_LEADS = re.compile(r".*comment|attribute_item|decorator|.*annotation|signature")
"""What belongs to a definition that starts on the next line."""
_NAME = re.compile(r".*(?:identifier|name|constant|alias|word|variable|IDENTIFIER|object_reference)")
_CLOSING = re.compile(r"(?:\W|_|\bend\b)*")
_NAME_WITHIN = 50
"""Nodes of a definition that are searched for its name."""
_LONGEST_NAME = 100
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class _Segment:
    """Some rows of the file, and the qualified name of what they define."""

    first: int
    last: int
    name: str


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads source code.

    Raises:
        ParseError: The file is not text.
    """
    text = decode(data, path)
    language = _BY_SUFFIX.get(path.suffix.lower(), "plain")
    return ParsedDocument(text, tuple(_blocks(text, language)), f"text/x-{language}")


def _blocks(text: str, language: str) -> Iterator[Block]:
    lines = line_spans(text)
    for segment in _merged(_definitions(text, language), text, lines):
        rows = lines[segment.first : segment.last + 1]
        if not segment.name:
            yield from paragraphs(text, rows, "code")
        elif text[rows[0][0] : rows[-1][1]].strip():
            yield block(text, "code", rows[0][0], rows[-1][1], name=segment.name)


def _merged(segments: list[_Segment], text: str, lines: list[tuple[int, int]]) -> list[_Segment]:
    """The segments, those of closing brackets joined to the segment before."""
    merged: list[_Segment] = []
    for segment in segments:
        rows = text[lines[segment.first][0] : lines[segment.last][1]]
        if merged and merged[-1].name and _CLOSING.fullmatch(rows):
            merged[-1] = _Segment(merged[-1].first, segment.last, merged[-1].name)
        else:
            merged.append(segment)
    return merged


def _definitions(text: str, language: str) -> list[_Segment]:
    """Segments that cover the whole file; a single one without a name where the grammar is of no help."""
    last = text.count("\n")
    data = text.encode()
    if language not in _LANGUAGES or len(data) > _LONGEST_PARSED or _is_repetitive(data):
        return [_Segment(0, last, "")]
    root = _tree(get_parser(cast(SupportedLanguage, language)), data)
    if root is None or (language == "python" and root.has_error):
        return [_Segment(0, last, "")]
    return list(_segments(root, 0, last, "", 0))


def _is_repetitive(data: bytes) -> bool:
    return len(data) > _SHORT and len(data) > _MOST_REPETITIVE * len(zlib.compress(data, 1))


def _tree(parser: Parser, data: bytes) -> Node | None:
    """The root of the file's tree; None if that takes too long, as code in no language can."""
    end = time.thread_time() + _MOST_SECONDS
    try:
        tree = parser.parse(
            lambda start, _: data[start : start + _SLICE], progress_callback=lambda *_: time.thread_time() > end
        )
    except ValueError:  # stopped
        return None
    return tree.root_node


def _segments(parent: Node, first: int, last: int, name: str, depth: int) -> Iterator[_Segment]:
    """The rows of a file or a container: each definition in it, and what lies between."""
    done, lead = first, None
    for node, end in _members(parent):
        start = node.start_point.row
        if _LEADS.fullmatch(node.type):
            lead = (lead[0] if lead and lead[1] + 1 >= start else start), end
            continue
        definition = _definition(node)
        if lead and lead[1] + 1 >= start:
            start = lead[0]
        lead = None
        start = max(start, done)
        if definition is None or end < start:
            continue
        end = min(end, last)
        if done < start:
            yield _Segment(done, start - 1, name)
        qualified = ".".join(filter(None, (name, _name(definition))))
        if depth < _DEEPEST and _CONTAINER.fullmatch(definition.type):
            yield from _segments(definition, start, end, qualified, depth + 1)
        else:
            yield _Segment(start, end, qualified)
        done = end + 1
    if done <= last:
        yield _Segment(done, last, name)


def _members(parent: Node) -> Iterator[tuple[Node, int]]:
    """The nodes of a file or a container, and the last row of each."""
    waiting = parent.named_children[::-1]
    while waiting:
        node = waiting.pop()
        if node.type in _TRANSPARENT:
            waiting += node.named_children[::-1]
            continue
        body = waiting.pop() if waiting and waiting[-1].type == "function_body" else node  # Dart has it beside the head
        yield node, max(body.end_point.row - (body.end_point.column == 0), node.start_point.row)


def _definition(node: Node) -> Node | None:
    """The definition that a node is, or stands around."""
    for _ in range(_DEEPEST):
        if _CONTAINER.fullmatch(node.type) or _DEFINITION.fullmatch(node.type):
            return node
        if node.type in _VARIABLES:
            return node if any(map(_is_function, node.named_children)) else None
        if node.type not in _WRAPPERS:
            return None
        inner = next(filter(_may_define, node.named_children), None)
        if inner is None:
            return None
        node = inner
    return None


def _may_define(node: Node) -> bool:
    patterns = _CONTAINER.fullmatch(node.type) or _DEFINITION.fullmatch(node.type)
    return bool(patterns) or node.type in _VARIABLES or node.type in _WRAPPERS


def _is_function(node: Node) -> bool:
    return (node.child_by_field_name("value") or node).type in _FUNCTIONS


def _name(node: Node) -> str:
    """The name of a definition; of a Go method with its receiver's type before it."""
    named = _text(_named(node)).replace("::", ".")
    receiver = node.child_by_field_name("receiver")
    owner = _text(receiver).strip("()").split() if receiver is not None else []
    return ".".join([*(part.lstrip("*") for part in owner[-1:]), named])[:_LONGEST_NAME]


def _named(node: Node) -> Node | None:
    """The node that names a definition: the grammar says which, or it is the outermost one of the right kind."""
    found = node.child_by_field_name("type" if node.type == "impl_item" else "name")
    declarator = node.child_by_field_name("declarator")  # C has the name inside what tells the type
    while found is None and declarator is not None:
        inner = declarator.child_by_field_name("declarator")
        found = declarator if inner is None and _NAME.fullmatch(declarator.type) else None
        declarator = inner
    waiting = deque([] if found else node.named_children[:_NAME_WITHIN])
    for _ in range(_NAME_WITHIN):
        if found is not None or not waiting:
            break
        child = waiting.popleft()
        if _NAME.fullmatch(child.type):
            found = child
        if child.type not in _TRANSPARENT:
            waiting += child.named_children[:_NAME_WITHIN]
    return found


def _text(node: Node | None) -> str:
    return " ".join((node.text or b"").decode("utf-8", "replace").split()) if node is not None else ""
