import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragstone.errors import ParseError
from ragstone.ingest.parsed import ParsedDocument, ParseOptions
from ragstone.ingest.parsers.structured import parse
from ragstone.ingest.parsers.subtitles import parse as parse_subtitles
from ragstone.retrieval._filtering import FAMILIES


def read(source: str | bytes, name: str) -> ParsedDocument:
    return parse(source if isinstance(source, bytes) else source.encode(), Path(name), ParseOptions())


def test_json_is_a_list_of_its_keys_and_a_table_of_its_records():
    value = {
        "name": "Ragstone",
        "tags": ["a", "b"],
        "users": [{"id": 1, "name": "Ann"}, {"id": 2.50, "name": "Bo", "left": None}],
        "deep": {"a": {"b": [{"c": {"d": True}}, "x"]}},
    }
    document = read(json.dumps(value), "a.json")
    assert document.text == (
        "- name: Ragstone\n- tags: a, b\n- users:\n\n"
        "| id | name | left |\n| --- | --- | --- |\n| 1 | Ann |  |\n| 2.5 | Bo | null |\n\n"
        "- deep:\n  - a:\n    - b:\n      - 1:\n        - c:\n          - d: true\n      - 2: x"
    )
    assert [block.kind for block in document.blocks] == ["list", "list", "list", "table", "list"]


def test_lines_of_like_records_are_a_table_and_others_a_block_each():
    assert read('{"a": 1, "b": "x"}\n\n{"a": 2, "b": "y"}\n', "a.jsonl").text.split("\n")[2:] == [
        "| 1 | x |",
        "| 2 | y |",
    ]
    document = read('{"a": 1}\n{"b": {"c": 2}, "d": "x"}\n', "a.ndjson")
    assert document.text == "- a: 1\n\n- b:\n  - c: 2\n- d: x"
    assert len(document.blocks) == 2


@pytest.mark.parametrize(
    ("source", "name", "what"),
    [
        ('{"a": 1}\n{"a": ', "a.jsonl", "broken in line 2"),
        ('{\n"a": 1\n "b"}', "a.json", "broken in line 3"),
        ("[" * 100_000, "a.json", "nested too deeply"),
        ("<a>\n<b></a>", "a.xml", "broken in line 2"),
        ("<a>" * 100_000, "a.xml", "broken in line 1"),
    ],
)
def test_broken_data_is_refused_with_its_line(source: str, name: str, what: str):
    with pytest.raises(ParseError, match=what):
        read(source, name)


def test_json_as_deep_as_it_may_be_is_read():
    assert read('{"a":' * 900 + "[1, 2]" + "}" * 900, "a.json").text.endswith("- a: 1, 2")


XML = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE article [<!ENTITY secret SYSTEM "file:///etc/passwd">]>
<article id="x"><title>Ducks</title>
  <author><first>Ann</first><last>Lee</last></author>
  <section><title>Food</title><p>They eat <b>grass</b> &amp; snails.&secret;</p>
    <list><item>one</item><item>two</item></list>
    <section><title>Bread</title><p>Rarely.</p></section></section>
  <people><person age="3"><name>Al</name></person><person age="4"><name>Bo</name></person></people>
  <table><tr><th>h</th><th>i</th></tr><tr><td>1</td><td>2</td></tr></table>
  <conf name="size" value="3"/><!-- hidden --><note>&lt;p&gt;Some &lt;b&gt;HTML&lt;/b&gt;&lt;/p&gt;</note>
</article>"""


def test_xml_is_read_by_the_names_of_its_elements():
    document = read(XML, "ducks.xml")
    assert document.title == "Ducks"
    assert [(b.kind, b.level, document.text[b.char_start : b.char_end]) for b in document.blocks] == [
        ("heading", 1, "# Ducks"),
        ("list", 0, "- first: Ann"),
        ("list", 0, "- last: Lee"),
        ("heading", 2, "## Food"),
        ("paragraph", 0, "They eat grass & snails.&secret;"),
        ("list", 0, "- one"),
        ("list", 0, "- two"),
        ("heading", 3, "### Bread"),
        ("paragraph", 0, "Rarely."),
        ("table", 0, "| age | name |\n| --- | --- |\n| 3 | Al |\n| 4 | Bo |"),
        ("table", 0, "| h | i |\n| --- | --- |\n| 1 | 2 |"),
        ("list", 0, "- conf (name: size, value: 3)"),
        ("paragraph", 0, "Some HTML"),
    ]


PUMPS = "<item><price currency='EUR' class='p'>5</price><name>Pump</name></item>"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            f"<items>{PUMPS * 2}</items>",
            "| price | name |\n| --- | --- |\n| 5 (currency: EUR) | Pump |\n| 5 (currency: EUR) | Pump |",
        ),
        (
            "<r xmlns:a='urn:a'><i a:n='1' n='2'><b c='3'/></i><i n='4'><b>5</b><b>6</b></i></r>",
            "| n | b |\n| --- | --- |\n| 1, 2 | (c: 3) |\n| 4 | 5, 6 |",
        ),
        ("<r><i><a>x</a> between <b>y</b></i><i><a>z</a><b>w</b></i></r>", "x between y\n\n- a: z\n- b: w"),
        ("<table><caption>Ducks <b>and</b> geese</caption>a<tr><td>1</td></tr>b</table>", "Ducks and geese|a|b|| 1 |"),
        ("<table><tbody>c<tr><td>1</td></tr></tbody><foot><p>d</p> e</foot></table>", "c|d e|| 1 |"),
        ("<!DOCTYPE table [<!ENTITY f 'x'>]><table>&f;<tr><td>1</td></tr></table>", "&f;|| 1 |"),
        ("<!DOCTYPE r [<!ENTITY f 'x'>]><r><i>&f;<a>1</a></i><i><a>2</a></i></r>", "&f;\n\n- a: 1\n- a: 2"),
        ("<table><row n='1'/><row n='2'/></table>", "| n |\n| --- |\n| 1 |\n| 2 |"),
        ("<table><tr>g <td>1</td> h</tr></table>", "g 1 h"),
    ],
)
def test_no_words_or_values_of_xml_are_lost(source: str, text: str):
    found = read(source, "a.xml").text
    assert found.replace("\n\n", "|").startswith(text.replace("\n\n", "|"))


def test_what_stands_before_or_among_long_lists_of_records_is_kept():
    for source in (f"Intro words {PUMPS * 400}", f"{PUMPS * 200}Intro words {PUMPS * 200}"):
        text = read(f"<items>{source}</items>", "a.xml").text
        assert (text.count("Intro words"), text.count("Pump"), text.count("EUR")) == (1, 400, 400)


def test_a_key_that_a_json_object_has_several_times_keeps_all_its_values():
    source = '{"contract": {"party": "Alpha", "rent": 1, "party": {"name": "Beta"}}, "rent": 1, "rent": 2}'
    assert read(source, "a.json").text == (
        "- contract:\n  - party:\n    - 1: Alpha\n    - 2:\n      - name: Beta\n  - rent: 1\n- rent: 1, 2"
    )


def test_entities_that_multiply_are_not_expanded():
    entities = "".join(f"<!ENTITY a{n} '{'&a' * 1}{n - 1};{f'&a{n - 1};' * 9}'>" for n in range(1, 12))
    source = f"<!DOCTYPE r [<!ENTITY a0 'lol'>{entities}]><r>&a11;</r>"
    try:
        assert len(read(source, "laughs.xml").text) < 100
    except ParseError as error:
        assert "broken" in str(error)


@pytest.mark.parametrize("name", ["a.yaml", "a.toml", "a.ini"])
def test_files_that_are_written_to_be_read_stay_as_they_are(name: str):
    text = "# top\n[part]\nkey = 1\n\nother:\n    deep: 2\n"
    document = read(text, name)
    assert document.text == text
    assert [(b.kind, text[b.char_start : b.char_end]) for b in document.blocks] == [
        ("code", "# top\n[part]\nkey = 1"),
        ("code", "other:\n    deep: 2"),
    ]


@pytest.mark.parametrize("suffix", ["json", "jsonl", "ndjson", "xml", "yaml", "yml", "toml", "ini"])
def test_every_file_of_data_is_of_the_type_that_a_filter_calls_structured(suffix: str):
    source = {"xml": "<a>1</a>", "json": "[1]", "jsonl": "1", "ndjson": "1"}.get(suffix, "a = 1")
    assert read(source, f"a.{suffix}").media_type in FAMILIES["structured"]


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@settings(max_examples=100, deadline=None)
@given(json_values)
def test_any_json_gives_blocks_that_hold_all_its_text(value: Any):
    document = read(json.dumps(value), "any.json")
    done = 0
    for block in document.blocks:
        assert done <= block.char_start < block.char_end
        assert not document.text[done : block.char_start].strip()
        done = block.char_end
    assert not document.text[done:].strip()


VTT = """WEBVTT

NOTE a note

intro-1
00:11.000 --> 00:13.000
<v.loud Roger Bingham>We are in <i>New York</i> &amp; City

intro-2
00:13.000 --> 00:16.000
<v Roger Bingham>just down the street.

00:01:30.000 --> 00:01:32.000
<v Neil>Laughs
"""


def subtitles(source: str, name: str) -> str:
    return parse_subtitles(source.encode(), Path(name), ParseOptions()).text


def test_cues_are_running_text_with_speakers_and_the_time_of_each_paragraph():
    assert subtitles(VTT, "talk.vtt") == (
        "[00:00:11] Roger Bingham: We are in New York & City just down the street.\n\n[00:01:30] Neil: Laughs"
    )


def test_rolling_captions_say_everything_once():
    lines = ["so this is", "so this is\nwhat we do", "what we do\nevery single day", "every single day"]
    cues = (f"{n + 1}\n00:00:0{n},000 --> 00:00:0{n + 1},000\n{text}\n" for n, text in enumerate(lines))
    assert subtitles("\n".join(cues), "a.srt") == "[00:00:00] so this is what we do every single day"


def test_substation_and_microdvd_lose_their_tags():
    events = "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    line = "Dialogue: 0,0:00:01.00,0:00:02.00,Default,Bob,0,0,0,,{\\i1}Hi{\\i0}\\Nthere\n"
    assert subtitles(f"[Script Info]\n\n{events}{line}", "a.ass") == "[00:00:01] Bob: Hi there"
    assert subtitles("{25}{50}hello|there\n", "a.sub") == "[00:00:01] hello there"


def test_a_file_without_cues_is_refused():
    for name in ("a.srt", "a.vtt", "a.ass", "a.sub"):
        with pytest.raises(ParseError, match="no subtitles"):
            subtitles("just a text\n", name)


def test_a_subtitle_with_thousands_of_tags_is_read_in_time():
    start = time.perf_counter()
    line = "Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,," + r"{\i1}x " * 20_000
    text = subtitles(f"[Script Info]\n\n[Events]\n{line}\n", "film.ass")
    assert text.startswith("[00:00:01] x x x")
    assert time.perf_counter() - start < 5
