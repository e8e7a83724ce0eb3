import time
from pathlib import Path

import pytest

from ragstone.ingest.parsed import ParsedDocument, ParseOptions
from ragstone.ingest.parsers.asciidoc import parse as parse_asciidoc
from ragstone.ingest.parsers.html import read_html
from ragstone.ingest.parsers.markdown import read_markdown
from ragstone.ingest.parsers.rst import parse as parse_rst


def html(source: str) -> ParsedDocument:
    return read_html(source, "text/html")


def blocks(document: ParsedDocument) -> list[tuple[str, str]]:
    done = 0
    for block in document.blocks:
        assert done <= block.char_start < block.char_end
        assert not document.text[done : block.char_start].strip()
        done = block.char_end
    assert not document.text[done:].strip()
    return [(block.kind, document.text[block.char_start : block.char_end]) for block in document.blocks]


def test_the_rows_of_a_tables_header_become_one_and_spans_are_filled():
    source = """<table><caption>Ducks</caption>
        <thead><tr><th rowspan=2>Name</th><th colspan=2>Size</th></tr><tr><th>cm</th><th>g</th></tr></thead>
        <tbody><tr><td rowspan=2>Teal</td><td>35</td><td>300</td></tr><tr><td>36</td><td>310</td></tr>
        <tr><td colspan=2>none</td><td>a | b<br>c</td></tr></tbody></table>"""
    assert blocks(html(source)) == [
        ("paragraph", "Ducks"),
        (
            "table",
            "| Name | Size cm | Size g |\n| --- | --- | --- |\n"
            "| Teal | 35 | 300 |\n| Teal | 36 | 310 |\n| none |  | a \\| b c |",
        ),
    ]


def test_a_table_that_arranges_the_page_is_no_table():
    source = "<table><tr><td><h1>Site</h1></td><td><table><tr><td>k<td>v<tr><td>some<td>text</table></td></tr></table>"
    assert blocks(html(source)) == [("heading", "# Site"), ("table", "| k | v |\n| --- | --- |\n| some | text |")]
    assert blocks(html("<table><tr><td>only one<tr><td>column</table>")) == [
        ("paragraph", "only one"),
        ("paragraph", "column"),
    ]


def test_lists_nest_and_count():
    source = """<ol start=3><li>a<ul><li>b<p>more</p></li></ul></li><li>c<pre>x\n  y</pre>d</li></ol>
        <dl><dt>term<dd>what it is</dl>"""
    assert blocks(html(source)) == [
        ("list", "3. a\n   + b\n     more"),
        ("list", "4. c"),
        ("code", "```\nx\n  y\n```"),
        ("list", "d"),
        ("list", "* term\n  + what it is"),
    ]


def test_code_keeps_its_indentation_and_language():
    source = '<pre><code class="language-python">\nif x:\n    <b>f</b>()\n</code></pre><p>Use <code>f</code>.</p>'
    assert blocks(html(source)) == [("code", "```python\nif x:\n    f()\n```"), ("paragraph", "Use `f`.")]
    assert html("<pre>```\na\n```</pre>").text == "````\n```\na\n```\n````"


def test_struck_words_are_marked_as_in_markdown():
    source = (
        "<p>EUR <s>900</s><strike> or so</strike> 1,000<del></del></p><h2><del>Old</del> New</h2><del><p>a</p></del>"
    )
    assert html(source).text == "EUR ~~900 or so~~ 1,000\n\n## ~~Old~~ New\n\na"


def test_the_metadata_of_a_page_is_kept():
    source = """<html lang="de"><head><title>T</title><meta name="author" content="Ann Lee">
        <meta property="og:description" content="About ducks"><meta name="date" content="2024-05-01"></head><p>x"""
    document = html(source)
    assert dict(document.metadata) == {
        "author": "Ann Lee",
        "description": "About ducks",
        "created": "2024-05-01",
        "language": "de",
    }
    assert (document.title, html("<h2>Head</h2>").title) == ("T", "Head")


def test_what_a_page_hides_or_breaks_off_is_left_out_and_line_breaks_are_kept():
    source = "<p hidden>secret</p><p>a<br>b<br><br>c</p><blockquote>quoted<p>twice</blockquote><h1></h1>"
    assert html(source).text == "a\nb\n\nc\n\n> quoted\n\n> twice"


@pytest.mark.parametrize("source", ["", " ", "<!-- x", "<!-- a -->", "<", "<?xml?>", "<title>t"])
def test_a_page_without_words_has_no_blocks(source: str):
    assert set(html(source).text) <= {"<"}


def test_hostile_pages_end_in_time():
    start = time.perf_counter()
    pages = [
        "<div>" * 100_000 + "deep" + "</div>" * 100_000,
        "<ul>" + "<li>x" * 20_000,
        "<b>x " * 50_000,
        "<table>" + "<tr><td colspan=1000 rowspan=65534>x<td>y" * 3_000,
        ("<table><tr><td>x" * 600 + "</table>" * 600) * 5,
        "<p>x<br>" * 20_000,
        "<aside></aside>x" * 20_000,
        "<p " + "".join(f"a{number}=1 " for number in range(50_000)) + ">x",
    ]
    for page in pages:
        document = html(page)
        assert len(document.text) < 4 * len(page)
        assert "x" in document.text or "deep" in document.text
    assert time.perf_counter() - start < 20


def test_html_in_markdown_becomes_markdown():
    source = (
        "# Head\n\n<table><tr><th>a<th>b</tr><tr><td>1<td>2</table>\n\ntext\n\n<!-- hidden -->\n\n```html\n<p>\n```\n"
    )
    assert blocks(read_markdown(source, "text/markdown")) == [
        ("heading", "# Head"),
        ("table", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("paragraph", "text"),
        ("code", "```html\n<p>\n```"),
    ]


def test_front_matter_gives_title_author_and_date():
    matter = "---\ntitle: 'Ducks'\nauthor: Ann Lee\ndate: 2024-05-01\ntags: [a]\n---\n"
    document = read_markdown(f"{matter}# Head\n", "text/markdown")
    assert document.title == "Ducks"
    assert dict(document.metadata) == {"author": "Ann Lee", "created": "2024-05-01"}
    assert read_markdown("---\ndate: last week\n---\n# Head\n", "text/markdown").metadata == {}


def test_code_in_rst_is_code():
    text = (
        "Title\n=====\n\nRun this::\n\n    one\n\n      two\n\nText.\n\n"
        ".. code-block:: python\n   :linenos:\n\n   x = 1\n\nEnd.\n"
    )
    document = parse_rst(text.encode(), Path("a.rst"), ParseOptions())
    assert document.text == text
    assert blocks(document) == [
        ("heading", "Title\n====="),
        ("paragraph", "Run this::"),
        ("code", "one\n\n      two"),
        ("paragraph", "Text."),
        ("paragraph", ".. code-block:: python\n   :linenos:"),
        ("code", "x = 1"),
        ("paragraph", "End."),
    ]


ASCIIDOC = """// a comment
= Ducks
:author: Ann Lee
:bird: Mallard

The {bird} and link:https://example.com/x[its page].

////
hidden
////
== Food
* grass
** fresh
* snails
+
and more
. first

After the list.

.Sizes
[%header,cols="1,1"]
|===
|Name |Size

|Teal
|35

2+|none
|===

[source,python]
----
if x:
    f()
----
Term:: what it is
image::duck.png[A duck]
"""


def test_asciidoc_becomes_markdown():
    document = parse_asciidoc(ASCIIDOC.encode(), Path("ducks.adoc"), ParseOptions())
    assert (document.title, dict(document.metadata)) == ("Ducks", {"author": "Ann Lee"})
    assert blocks(document) == [
        ("heading", "# Ducks"),
        ("paragraph", "The Mallard and its page."),
        ("heading", "## Food"),
        ("list", "- grass\n  - fresh"),
        ("list", "- snails\n  and more\n  1. first"),
        ("paragraph", "After the list."),
        ("paragraph", "Sizes"),
        ("table", "| Name | Size |\n| --- | --- |\n| Teal | 35 |\n| none |  |"),
        ("code", "```python\nif x:\n    f()\n```"),
        ("list", "- Term: what it is\n  A duck"),
    ]


@pytest.mark.parametrize("line", ["https://a[", "image:", "<<", "[[", "99+|x ", "|", "kbd:a", "* "])
def test_hostile_asciidoc_ends_in_time(line: str):
    start = time.perf_counter()
    parse_asciidoc((line * 50_000 + "\n|===\n" + line * 50_000).encode(), Path("a.adoc"), ParseOptions())
    assert time.perf_counter() - start < 10
