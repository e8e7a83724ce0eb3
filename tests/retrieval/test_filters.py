import json
import random
import sqlite3
import string
import time
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragstone.errors import SettingsError
from ragstone.ingest.parsers import SUFFIXES
from ragstone.retrieval._filtering import FAMILIES
from ragstone.retrieval.filters import Filter, as_filter
from ragstone.retrieval.library import DATABASE, Library
from ragstone.retrieval.records import NewFile

OpenLibrary = Callable[..., Library]
Keep = Callable[..., set[str]]

NFD = unicodedata.normalize("NFD", "reports/Übersicht 2024.pdf")
DOCUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("a.txt", {}),
    ("reports/2023/solar farm.pdf", {"author": "Jane Doe", "created": "2023-12-31T23:30:00-05:00"}),
    ("reports/2024/wind.pdf", {"author": "JANE DOE, John Roe", "created": "2024-03", "modified": "2024-05-01"}),
    (NFD, {"author": "Zoë Straße; Bob", "created": "2024", "keywords": "solar, storage"}),
    ("reports old/report[1].docx", {"author": "Doe, Jane", "created": "2022-07-31T09:30+02:00"}),
    ("/abs/letters/offer.eml", {"from": "Jane <jane@x.org>", "date": "2021-06-01T10:00:00+00:00"}),
    ("/abs/letters/broken.eml", {"from": "Bob", "date": "last Tuesday, 2020"}),
    ("page.html", {"language": "de", "description": 'He said "100 %"'}),
]
TYPES = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".eml": "message/rfc822",
    ".html": "text/html",
}
READ = int(datetime(2019, 5, 5, 12).timestamp()) * 10**9
"""The modification time of every file, in the time zone of this machine."""


@pytest.fixture
def shelf(library: OpenLibrary, file: Callable[..., NewFile]) -> Library:
    """The documents above, and an archive with two."""
    one = library()
    for path, metadata in DOCUMENTS:
        new = file(path, path, absolute_path=path if path.startswith("/") else f"/home/{path}")
        kind = TYPES.get(path[path.rindex(".") :], "text/plain")
        document = replace(new.documents[0], metadata=metadata, media_type=kind, title=path.rsplit("/")[-1].title())
        one.store(replace(new, documents=[document], mtime_ns=READ, collection="work" if "report" in path else ""))
    one.store(
        replace(file("box.zip", parts={"2024/in a.txt": ["a"], "notes.py": ["b"]}, collection="boxes"), mtime_ns=READ)
    )
    return one


@pytest.fixture
def keep(shelf: Library) -> Keep:
    """The paths of the documents that a filter keeps, without the folders of those below /abs."""

    def keep(*conditions: Any) -> set[str]:
        where = Filter.parse(conditions[0] if len(conditions) == 1 else conditions)
        ids = shelf.document_ids(where)
        assert (ids.dtype.str, ids.tolist()) == ("<i8", sorted(ids.tolist()))
        named = {document.id: document.path for document in shelf.documents()}
        return {_short(named[i]) for i in ids.tolist()}

    return keep


def _short(path: str) -> str:
    return path.rsplit("/", 1)[-1] if path.startswith(("reports", "/abs")) else path


SOLAR, WIND, OVERVIEW, OLD = "solar farm.pdf", "wind.pdf", NFD.rsplit("/")[-1], "report[1].docx"
IN_BOX = {"box.zip/2024/in a.txt", "box.zip/notes.py"}
LETTERS = {"offer.eml", "broken.eml"}
EVERY = {"a.txt", SOLAR, WIND, OVERVIEW, OLD, *LETTERS, "page.html", *IN_BOX}


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("document=a.txt", {"a.txt"}),
        ("document=./a.txt", {"a.txt"}),
        ("document=A.txt", set()),
        ("document=solar farm.pdf", set()),
        ("document=reports/2023/solar farm.pdf", {SOLAR}),
        ("document=/home/reports/2023/solar farm.pdf", {SOLAR}),
        ("document=/abs/letters/offer.eml", {"offer.eml"}),
        ("document=reports old/report[1].docx", {OLD}),
        ("document=report[[]1].docx", {OLD}),
        ("document=" + unicodedata.normalize("NFC", NFD), {OVERVIEW}),
        ("document=**/" + unicodedata.normalize("NFD", "Ü*"), {OVERVIEW}),
        ("document=*.pdf", {SOLAR, WIND, OVERVIEW}),
        ("document=reports/*.pdf", {OVERVIEW}),
        ("document=reports/*/*.pdf", {SOLAR, WIND}),
        ("document=reports/**/*.pdf", {SOLAR, WIND, OVERVIEW}),
        ("document=**/202[!4]/*", {SOLAR}),
        ("document=?.txt", {"a.txt"}),
        ("document=./*", {"a.txt", "page.html"}),
        ("document=/abs/**", LETTERS),
        ("document=box.zip", set()),
        ("document=box.zip/**", IN_BOX),
        ("document=box.zip/2024/in a.txt", {"box.zip/2024/in a.txt"}),
        ("document~=WIND", {WIND}),
        ("folder=reports", {SOLAR, WIND, OVERVIEW}),
        ("folder=reports/", {SOLAR, WIND, OVERVIEW}),
        ("folder=report", set()),
        ("folder=reports/2024", {WIND}),
        ("folder=reports/2024,reports old", {WIND, OLD}),
        ("folder=**/2024", {WIND, "box.zip/2024/in a.txt"}),
        ("folder=2024", set()),
        ("folder=box.zip", IN_BOX),
        ("folder=/abs", LETTERS),
        ("folder=/", EVERY),
        ("folder=.", EVERY - LETTERS),
        ("folder!=reports", EVERY - {SOLAR, WIND, OVERVIEW}),
        ("folder=reports\\2024", set()),
    ],
)
def test_a_document_is_named_by_its_path_or_a_pattern(keep: Keep, condition: str, kept: set[str]):
    assert keep(condition) == kept


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("collection=boxes", IN_BOX),
        ("collection=", EVERY - IN_BOX - {SOLAR, WIND, OVERVIEW, OLD}),
        ("collection!=", IN_BOX | {SOLAR, WIND, OVERVIEW, OLD}),
        ("collection~=OX", IN_BOX),
        ("type=pdf", {SOLAR, WIND, OVERVIEW}),
        ("type=.PDF, docx", {SOLAR, WIND, OVERVIEW, OLD}),
        ("type=application/pdf", {SOLAR, WIND, OVERVIEW}),
        ("type=text/*", {"a.txt", "page.html"} | IN_BOX),
        ("type=mail", LETTERS),
        ("type=py", {"box.zip/notes.py"}),
        ("type!=text", EVERY - {"a.txt"} - IN_BOX),
        ("type=no-such", set()),
        ("title=wind.pdf", {WIND}),
        ("title~=REPORT", {OLD}),
        ("author=jane doe", {SOLAR, WIND}),
        ("Author==Jane Doe", {SOLAR, WIND}),
        ('author="Doe, Jane"', {OLD}),
        ("author=Doe, Jane", {OLD}),
        ("author=ZOË STRASSE", {OVERVIEW}),
        ("author=bob,john roe", {OVERVIEW, WIND}),
        ("meta.author~=doe", {SOLAR, WIND, OLD}),
        ("author!=Jane Doe", EVERY - {SOLAR, WIND}),
        ("author!=Jane Doe,Bob", EVERY - {SOLAR, WIND, OVERVIEW}),
        ("keywords=storage", {OVERVIEW}),
        ("language=DE", {"page.html"}),
        ("language=fr", set()),
        ('description~="""100 %"""', {"page.html"}),
        ("from~=jane@x.org", {"offer.eml"}),
    ],
)
def test_a_document_is_kept_by_what_is_known_of_it(keep: Keep, condition: str, kept: set[str]):
    assert keep(condition) == kept


UNDATED = {"a.txt", "page.html", "broken.eml", *IN_BOX}


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("date=2023", {SOLAR}),  # as it is written: in UTC it is of 2024
        ("date=2023-12-31", {SOLAR}),
        ("date>=2023-12-31T23:30", {SOLAR, WIND, OVERVIEW}),
        ("date>2023-12-31T23:29", {SOLAR, WIND, OVERVIEW}),
        ("date>2023-12-31T23:30", {WIND, OVERVIEW}),
        ("date=2024", {WIND, OVERVIEW}),
        ("date=2024-01", {OVERVIEW}),  # of which only the year is known
        ("date=2024-03-01", {WIND}),
        ("date>2024", set()),
        ("date>=2024", {WIND, OVERVIEW}),
        ("date<=2022-07", UNDATED | {OLD, "offer.eml"}),
        ("date<2022-07", UNDATED | {"offer.eml"}),
        ("date=2022-07-31 09:30", {OLD}),
        ("date=2021,2023", {SOLAR, "offer.eml"}),
        ("date=2019-05-05", UNDATED),
        ("date=2019-05-05T12:00", UNDATED),
        ("date=2019-05-05T12:01", set()),
        ("date<2019-05-05", set()),
        ("date!=2024", EVERY - {WIND, OVERVIEW}),
        ("date<9999", EVERY),
        ("date<=9999-12-31", EVERY),
        ("date>0001", EVERY),
        ("created=2021", {"offer.eml"}),
        ("created!=2021", EVERY - {"offer.eml"}),
        ("created<2100", {SOLAR, WIND, OVERVIEW, OLD, "offer.eml"}),
        ("modified=2024", {WIND}),
        ("modified=2019", EVERY - {WIND}),
        ("meta.created~=-05:00", {SOLAR}),
    ],
)
def test_a_date_is_compared_as_it_is_written(keep: Keep, condition: str, kept: set[str]):
    assert keep(condition) == kept


@pytest.mark.parametrize("written", ["2024-07-31 09:30", "2024-07-31 09:30:15 +02:00", "2024-07-31T09:30"])
@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        *(("date=2024-07-31T09:30", True), ("date=2024-07-31 09:30", True), ("date>=2024-07-31T09:00", True)),
        *(("date<2024-07-31T10:00", True), ("date=2024-07-31", True), ("date=2024-07-31T09:31", False)),
        *(("date>2024-07-31", False), ("date<2024-07-31T09:30", False), ("date>2024-07-31T09:30", False)),
    ],
)
def test_a_time_may_be_written_behind_a_space(
    library: OpenLibrary, file: Callable[..., NewFile], written: str, condition: str, holds: bool
):
    one, new = library(), file("a.txt", "A text.")
    one.store(replace(new, documents=[replace(new.documents[0], metadata={"date": written})]))
    assert len(one.document_ids(Filter.parse(condition))) == holds


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_a_file_without_a_date_goes_by_the_calendar_of_this_machine(
    library: OpenLibrary, file: Callable[..., NewFile], monkeypatch: pytest.MonkeyPatch, zone: str
):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        local = datetime(2024, 1, 1, 0, 30)
        one = library()
        one.store(replace(file("a.txt", "a"), mtime_ns=int(local.timestamp()) * 10**9))
        assert len(one.document_ids(Filter.parse("date=2024-01-01T00:30")))
        assert len(one.document_ids(Filter.parse("date=2024")))
        assert not len(one.document_ids(Filter.parse("date<2024")))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_conditions_on_one_key_are_alternatives_and_keys_are_all_met(keep: Keep):
    assert keep("type=pdf", "type=docx") == keep("type=pdf,docx") == {SOLAR, WIND, OVERVIEW, OLD}
    assert keep("author=bob", "author~=john") == {OVERVIEW, WIND}
    assert keep("type=pdf", "author=jane doe", "date>=2024") == {WIND}
    assert keep("date>=2021", "date<2023") == {"offer.eml", OLD}
    assert keep("date=2021", "date=2023", "type=pdf") == {SOLAR}
    assert keep("author~=doe", "author!=john roe", "author!=jane doe") == {OLD}
    assert keep("type=pdf", "type=html", "folder=reports") == {SOLAR, WIND, OVERVIEW}


def test_a_mapping_takes_values_as_they_are(keep: Keep, shelf: Library):
    assert keep({"author": "Doe, Jane"}) == {OLD}
    assert keep({"author": ["Doe, Jane", "bob"], "type": ("docx", "html")}) == {OLD}
    assert keep({"date>=": date(2024, 1, 1)}) == keep({"date": 2024}) == {WIND, OVERVIEW}
    assert keep({"date": datetime(2022, 7, 31, 9, 30)}) == {OLD}
    assert keep({"author!=": {"Jane Doe"}, "type": "pdf"}) == {OVERVIEW}
    for document in shelf.documents():
        assert shelf.document_ids(Filter.parse({"document": document.path})).tolist() == [document.id]


def test_a_document_or_a_folder_may_be_given_as_a_path(keep: Keep):
    assert keep({"folder": Path("reports/2023")}) == {"solar farm.pdf"}
    assert keep({"document": [Path("a.txt"), Path("page.html")]}) == {"a.txt", "page.html"}


def test_one_condition_may_come_without_a_list_and_none_is_no_filter(keep: Keep):
    assert Filter.parse("type=pdf") == Filter.parse(["type=pdf"]) == Filter.parse({"type": "pdf"})
    assert as_filter(None) is as_filter(()) is as_filter({}) is as_filter(Filter(())) is None
    assert as_filter(["type=pdf"], "x") == Filter.parse({"type": "pdf", "collection": "x"})
    assert as_filter(as_filter("type=pdf")) == Filter.parse("type=pdf")


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("pdf", "'pdf' is no condition. Write KEY=VALUE"),
        ("=pdf", "is no key"),
        ("meta.=pdf", "is no key"),
        ("type=", "type has no value"),
        ("author=a,,b", "author has no value"),
        ("type>=pdf", "only dates are compared with >=. Use =, != with type"),
        ("author<b", "only dates are compared with <. Use =, !=, ~= with author"),
        ("date~=2024", "date is not searched in with ~=. Use =, !=, >=, >, <=, < with date"),
        ("folder~=a", "folder is not searched in with ~="),
        ("date=tomorrow", "'tomorrow' is no date to filter by. Write 2024, 2024-07, "),
        ("date=2024-13", "is no date"),
        ("date=2024-02-30", "is no date"),
        ("date=2024-7", "is no date"),
        ("date=0000", "is no date"),
        ("date=٢٠٢٤", "is no date"),
        ("date=2024-01-01T00:00:00", "is no date"),
        ("date=2024-01-01T00:00Z", "without a time zone"),
        ("date>=2023,2024", "date>= takes one value"),
        ('author="Jane', "cannot be read"),
        ('author="Jane" Doe', "cannot be read"),
        ("author=" + "x" * 5000, "more than 4,096 characters"),
        ("document=**/**/a/**/**", "more than 3 times"),
        ({"type": []}, "type has no value"),
        ({"type": None}, "None is no value of type"),
        ({"type": True}, "True is no value of type"),
        ({"type": 'a"'}, ""),
        ({'a"b': "c"}, "is no key"),
        ({7: "c"}, "7 is no key"),
        ([7], "7 is no condition"),
        ({"type": [f"t{n}" for n in range(401)]}, "takes at most 400 values"),
        ([f"k{n}=1" for n in range(101)], "more than 100 conditions"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(given: Any, part: str):
    if not part:
        assert Filter.parse(given)
        return
    with pytest.raises(SettingsError) as error:
        Filter.parse(given)
    assert part in str(error.value)


@pytest.mark.parametrize("given", [5, 0, False, object()])
def test_what_is_neither_a_filter_nor_a_collection_is_refused(given: Any):
    with pytest.raises(SettingsError, match=r"is no filter\. Write KEY=VALUE"):
        as_filter(given)
    with pytest.raises(SettingsError, match=r"is no name of a collection\. Give a text"):
        as_filter(None, given)


def test_a_key_that_no_document_has_is_refused_with_those_that_are_there(
    shelf: Library, library: OpenLibrary, file, tmp_path
):
    for condition in ("athor=Jane", "athor!=Jane", "meta.athor~=x"):
        with pytest.raises(SettingsError) as error:
            shelf.document_ids(Filter.parse([condition, "type=pdf"]))
        assert str(error.value) == (
            "no document of the library has 'athor'. Did you mean author? Filter by document, folder, collection, "
            "tag, type, title, date, created, modified, or by the metadata author, created, date, description, from, "
            "keywords, language, modified."
        )
    empty = library(tmp_path / "empty")
    assert empty.document_ids(Filter.parse("author=Jane")).tolist() == []
    empty.store(file("a.txt", "a"))
    with pytest.raises(SettingsError, match="its documents have no metadata"):
        empty.document_ids(Filter.parse("author=Jane"))


def test_what_a_filter_keeps_follows_every_change(shelf: Library):
    where = Filter.parse("collection=work,new")
    before = shelf.document_ids(where).tolist()
    known = shelf.files()["/home/a.txt"]
    shelf.refresh([(known.id, known.path, known.mtime_ns, "new")], datetime.now(UTC))
    (added,) = set(shelf.document_ids(where).tolist()) - set(before)
    shelf.move({known.id: ("b/c.txt", "/home/b/c.txt", known.recipe)})
    assert shelf.document_ids(Filter.parse("folder=b")).tolist() == [added]
    shelf.remove([added])
    assert shelf.document_ids(where).tolist() == before


def test_every_family_that_is_read_has_a_type_and_every_suffix_is_one(library: OpenLibrary, file):
    assert set(SUFFIXES.values()) - {"archive"} == set(FAMILIES)
    one = library()
    for suffix in SUFFIXES:
        one.store(file(f"a{suffix.upper()}", suffix))
    paths = {document.id: document.path for document in one.documents()}
    for suffix in SUFFIXES:
        found = {paths[i] for i in one.document_ids(Filter.parse(f"type={suffix}")).tolist()}
        assert f"a{suffix.upper()}" in found


def test_the_scan_reads_no_texts(shelf: Library):
    with closing(sqlite3.connect(shelf.folder / DATABASE)) as db:
        plan = db.execute(
            "EXPLAIN QUERY PLAN SELECT d.id FROM documents d WHERE json_extract(d.metadata, '$.author') = 'x'"
        ).fetchall()
    assert [row[3] for row in plan] == ["SCAN d USING COVERING INDEX documents_described"]


def test_no_pattern_takes_long(library: OpenLibrary, file):
    one = library()
    one.store(file("/".join(["a" * 200] * 15), "a"))
    started = time.perf_counter()
    for pattern in ("*a" * 50 + "b", "**/" * 3 + "*a*a*a*ab", "**/a**b/**/c", "?" * 199 + "b", "[a-z]*" * 40 + "b"):
        assert not len(one.document_ids(Filter.parse({"document": pattern})))
    assert time.perf_counter() - started < 1


WORDS = st.one_of(
    st.sampled_from(["a", "A", "jane", "Jane, bob", "'; DROP TABLE documents; --", '"', "%", "_", "*", "[", "?1", "ß"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8).filter(str.strip),
)
KEYWORDS = st.sampled_from(["author", "x' OR TRUE --", "$.a", "meta.b", "a.b", "[0]", "é", "\\"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=st.lists(st.dictionaries(KEYWORDS, WORDS, max_size=3), min_size=1, max_size=6),
    key=KEYWORDS,
    operator=st.sampled_from(["=", "!=", "~="]),
    values=st.lists(WORDS, min_size=1, max_size=3),
)
def test_whatever_stands_in_a_filter_it_keeps_what_a_plain_loop_keeps(
    shelf: Library, documents: list[dict[str, str]], key: str, operator: str, values: list[str]
):
    with closing(sqlite3.connect(shelf.folder / DATABASE)) as db, db:
        db.execute("DELETE FROM documents")
        (file_id,) = db.execute("SELECT min(id) FROM files").fetchone()
        ids = [
            db.execute(
                "INSERT INTO documents (file_id, part, title, media_type, metadata, signature, text) "
                "VALUES (?, ?, '', 'text/plain', ?, x'', '')",
                (file_id, str(n), json.dumps(metadata)),
            ).lastrowid
            for n, metadata in enumerate(documents)
        ]
    try:
        kept = shelf.document_ids(Filter.parse({f"meta.{key}{_spaced(operator)}": values})).tolist()
    except SettingsError:
        assert not any(key in metadata for metadata in documents)
        return
    assert kept == [i for i, metadata in zip(ids, documents, strict=True) if _kept(metadata.get(key), operator, values)]


def _spaced(operator: str) -> str:
    return f" {operator} "


def _kept(stored: str | None, operator: str, values: Sequence[str]) -> bool:
    """What the filter should say, without SQL."""
    if stored is None:
        return operator == "!="
    wanted = [_folded(value) for value in values]
    if operator == "~=":
        return any(value in _folded(stored) for value in wanted)
    parts = {_folded(stored), *(part.strip() for part in _folded(stored).replace(";", ",").split(","))}
    return (operator == "=") == any(value in parts for value in wanted)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(string.printable, max_size=12), max_size=4))
def test_any_text_is_a_filter_or_is_refused(texts: list[str]):
    with suppress(SettingsError):
        Filter.parse(texts)


def test_ten_thousand_documents_are_filtered_at_once(library: OpenLibrary, file):
    one = library()
    one.store(file("a.txt", "a"))
    rng = random.Random(4)
    with closing(sqlite3.connect(one.folder / DATABASE)) as db, db:
        rows = [
            (1, f"{n}", json.dumps({"author": f"Jane {rng.randrange(1000)}"}), "word " * 500) for n in range(10_000)
        ]
        db.executemany(
            "INSERT INTO documents (file_id, part, title, media_type, metadata, signature, text) "
            "VALUES (?, ?, '', 'text/plain', ?, x'', ?)",
            rows,
        )
    expected = sum(json.loads(row[2])["author"] == "Jane 7" for row in rows)
    started = time.process_time()
    assert len(one.document_ids(Filter.parse("author=jane 7"))) == expected
    assert time.process_time() - started < 0.2  # of some 15 ms
