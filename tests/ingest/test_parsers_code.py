import time
from pathlib import Path

import pytest

from ragstone.ingest.parsed import ParsedDocument, ParseOptions
from ragstone.ingest.parsers import code
from ragstone.ingest.parsers.code import parse as parse_code
from ragstone.ingest.parsers.notebook import parse as parse_notebook

PYTHON = '''"""A module."""

import os

LIMIT = 3


@decorate
class Stack:
    """Things on things."""

    size = 0

    # Adds one.
    def push(self, thing):
        if thing:

            self.things.append(thing)

    @property
    def top(self):
        return self.things[-1]


def main() -> None:
    Stack().push(1)
'''


def read(source: str, name: str) -> ParsedDocument:
    return parse_code(source.encode(), Path(name), ParseOptions())


def named(document: ParsedDocument) -> list[tuple[str, str]]:
    assert all(block.kind == "code" for block in document.blocks)
    done = 0
    for block in document.blocks:
        assert not document.text[done : block.char_start].strip()
        done = block.char_end
    assert not document.text[done:].strip()
    return [(block.name, document.text[block.char_start : block.char_end]) for block in document.blocks]


def test_every_definition_is_a_block_with_its_qualified_name():
    document = read(PYTHON, "stack.py")
    assert (document.text, document.media_type, document.title) == (PYTHON, "text/x-python", "")
    assert named(document) == [
        ("", '"""A module."""'),
        ("", "import os"),
        ("", "LIMIT = 3"),
        ("Stack", '@decorate\nclass Stack:\n    """Things on things."""\n\n    size = 0'),
        (
            "Stack.push",
            "# Adds one.\n    def push(self, thing):\n        if thing:\n\n            self.things.append(thing)",
        ),
        ("Stack.top", "@property\n    def top(self):\n        return self.things[-1]"),
        ("main", "def main() -> None:\n    Stack().push(1)"),
    ]


def test_python_with_errors_falls_back_to_paragraphs():
    assert named(read("def f(:\n    x\n\nclass\n", "broken.py")) == [("", "def f(:\n    x"), ("", "class")]


def test_offsets_hold_beyond_ascii():
    names = named(read("# Größe 😀\n\ndef größe():\n    return '😀'\n\n\ndef f(): pass\n", "a.py"))
    assert names == [
        ("", "# Größe 😀"),
        ("größe", "def größe():\n    return '😀'"),
        ("f", "def f(): pass"),
    ]


@pytest.mark.parametrize(
    ("suffix", "source", "names"),
    [
        (".js", "/** doc */\nexport class A {\n  m() {}\n}\n\nconst g = () => {}\n", ["A", "A.m", "g"]),
        (".ts", "export interface I { a: string }\n\nfunction f(): void {}\n\ntype T = string\n", ["I", "f", "T"]),
        (".java", "class A {\n  int x;\n  A() {}\n  void m() {}\n}\n", ["A", "A.A", "A.m"]),
        (".kt", "class A {\n  fun m() {}\n}\nfun f() = 1\n", ["A", "A.m", "f"]),
        (".c", "#ifndef A\nstruct S { int x; };\nstatic char *g(void) {\n}\n#endif\n", ["", "S", "g", ""]),
        (
            ".cpp",
            "namespace n {\nclass A {\n  void m() {}\n};\n}\nint A::q() { return 1; }\n",
            ["n", "n.A", "n.A.m", "A.q"],
        ),
        (".cs", "namespace N {\n class A {\n  void M() {}\n }\n}\n", ["N", "N.A", "N.A.M"]),
        (".go", "package m\n\ntype S struct {\n}\n\n// Adds.\nfunc (s *S) Push(a int) {\n}\n", ["", "S", "S.Push"]),
        (".rs", "/// Doc\nstruct S;\n\nimpl S {\n    fn push(&self) {}\n}\n", ["S", "S", "S.push"]),
        (".rb", "class A\n  def m\n  end\nend\n", ["A", "A.m"]),
        (".php", "<?php\nclass A {\n function m() {}\n}\n", ["", "A", "A.m"]),
        (".swift", "struct S {\n  func m() {}\n}\n", ["S", "S.m"]),
        (".lua", "function M.x()\nend\n", ["M.x"]),
        (".sh", "f() {\n  echo\n}\n", ["f"]),
        (".r", "f <- function(x) {\n  x\n}\n", ["f"]),
        (".sql", "CREATE TABLE t (a int);\n\nSELECT 1;\n", ["t", ""]),
        (".css", "a { color: red }\n\nb { color: blue }\n", ["", ""]),
    ],
)
def test_definitions_are_found_in_many_languages(suffix: str, source: str, names: list[str]):
    assert [name for name, _ in named(read(source, f"file{suffix}"))] == names


def test_code_that_is_one_long_nesting_is_read_in_time():
    start = time.perf_counter()
    for suffix, source in [(".java", "class A{"), (".py", "("), (".c", "#ifdef A\n"), (".rb", "def ")]:
        named(read(source * 50_000, f"file{suffix}"))
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(("suffix", "source"), [(".cs", "a<"), (".java", "a=>"), (".cpp", "a‹"), (".dart", "é")])
def test_code_that_no_grammar_reads_in_time_is_read_as_paragraphs(suffix: str, source: str):
    assert named(read(source * 50_000, f"file{suffix}")) == [("", source * 50_000)]


def test_a_grammar_is_stopped_when_it_takes_too_long(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(code, "_MOST_SECONDS", 0)
    source = "".join(f"int f{number}(void) {{ return {number}; }}\n\n" for number in range(5000))
    assert {name for name, _ in named(read(source, "file.c"))} == {""}


NOTEBOOK = """{"metadata": {"title": "Ducks", "authors": [{"name": "Ann Lee"}], "language_info": {"name": "python"}},
"nbformat": 4, "nbformat_minor": 5, "cells": [
{"cell_type": "markdown", "source": ["# A head\\n", "\\n", "- one\\n", "- two"]},
{"cell_type": "code", "source": "x = 1\\nprint(x)", "outputs": [
  {"output_type": "stream", "name": "stdout", "text": ["1\\n"]},
  {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure size 6x4>"}},
  {"output_type": "execute_result", "data": {"text/plain": ["42"]}},
  {"output_type": "error", "ename": "KeyError", "evalue": "'a'", "traceback": ["\\u001b[0;31mlong"]}]},
{"cell_type": "code", "source": [], "outputs": []}]}"""


def test_a_notebook_has_its_markdown_its_code_and_what_it_printed():
    document = parse_notebook(NOTEBOOK.encode(), Path("ducks.ipynb"), ParseOptions())
    assert (document.title, dict(document.metadata)) == ("Ducks", {"author": "Ann Lee"})
    assert [(b.kind, document.text[b.char_start : b.char_end]) for b in document.blocks] == [
        ("heading", "# A head"),
        ("list", "- one"),
        ("list", "- two"),
        ("code", "```python\nx = 1\nprint(x)\n```"),
        ("code", "```\n1\n```"),
        ("code", "```\n42\n```"),
        ("code", "```\nKeyError: 'a'\n```"),
    ]


def test_a_notebook_of_version_3_is_read_too():
    cells = """{"cell_type": "heading", "level": 2, "source": "Part"},
        {"cell_type": "code", "language": "python", "input": "1 + 1",
         "outputs": [{"output_type": "pyout", "text": ["2"]}]}"""
    data = f'{{"nbformat": 3, "worksheets": [{{"cells": [{cells}]}}]}}'.encode()
    document = parse_notebook(data, Path("old.ipynb"), ParseOptions())
    assert document.text == "## Part\n\n```python\n1 + 1\n```\n\n```\n2\n```"
