"""From a text to the terms of lexical search."""

import threading
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.retrieval import analysis
from ragstone.retrieval.analysis import query_terms, terms, weighted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The dogs were RUNNING", "the dog were run"),
        ("naïve Übergrößen", "naiv ubergrossen uebergroessen"),
        ("don't, the dog's", "don t the dog s"),
        ("anti-inflammatory", "anti inflammatori antiinflammatori"),
        ("COVID-19", "covid 19 covid19"),
        ("BF-2215, bf2215, 4-B", "bf 2215 bf2215 bf2215 4 b 4b"),
        ("1,150.00 1,150 1150 1150.00 1.150,00 1'150", "1150 1150 1150 1150 1150 1150"),
        ("84,016.38 and 84.016,38", "84016 38 84016.38 and 84016 38 84016.38"),
        ("13,90 is 13.90", "13 90 13.90 is 13 90 13.90"),
        ("1.250 Euro", "1 250 1.250 1250 euro"),
        ("0.125, 2.0", "0 125 0.125 2 0 2.0"),
        ("5,000-10,000 or 1,150kg", "5000 10000 or 1150 kg"),
        ("1.2.3 4.2.1 192.168.1.20", "1 2 3 1.2.3 4 2 1 4.2.1 192 168 1 20 192.168.1.20"),
        ("192.168.100.200", "192 168 100 200 192.168.100.200"),
        ("2024-02-05", "2024 02 05 2024-02-05 2024-02 --02-05"),
        ("5.02.2024", "5 02 2024 5.02.2024 2024-02-05 2024-02 --02-05"),
        ("May 2021, 3rd of June", "may 2021 3rd of june 2021-05 --06-03"),
        ("02/01/2019", "02 01 2019 2019-01-02 2019-01 --01-02 2019-02-01 2019-02 --02-01"),
        ("Bäckerei-Müller, STRAẞE", "backerei muller baeckerei mueller backereimul strass"),
        ("den 5. März 2024", "den 5 marz maerz 2024 2024-03-05 2024-03 --03-05"),
        ("In May 31.31.2024", "in may 31 31 2024 31.31.2024"),
        ("7.10; 1,2,3; 2019,150,7", "7 10 7.10 1 2 3 2019 150 7"),
        ("QT_fp16", "qt fp16 qt_fp16"),
        ("v2.0.1 or § 7.3.", "v2 0 1 v2.0.1 or 7 3 7.3"),
        ("end.Start", "end start"),
        ("__init__", "init"),
        ("中文问题", "中文 文问 问题"),
        ("用Python写", "用 python 写"),
        ("東京都です", "東京 京都 都で です"),
        ("ｶﾞﾗｽ", "ガラ ラス"),
        ("서울의 봄", "서울의 봄"),
        ("हिन्दी", "हिन्दी"),
        ("كِتَاب", "كتاب"),
        ("", ""),
        (" .,;!? \u0000\ufffd", ""),
    ],
)
def test_a_text_gives_these_terms(text: str, expected: str):
    assert " ".join(terms(text)) == expected


def test_umlauts_are_found_as_they_are_spelled_without_them():
    for written, asked in (("Müller", "Mueller"), ("Mueller", "Müller"), ("Köln", "koeln"), ("Straße", "strasse")):
        assert set(terms(written)) & set(query_terms(asked)), written


def test_composed_and_decomposed_accents_are_equal():
    for text in ("Café Ångström naïveté", "ガラス", "한국어", "Ελλάδα", "й ё"):
        composed, apart = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
        assert composed != apart
        assert terms(composed) == terms(apart) != []


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_any_text_gives_terms_that_can_be_stored(text: str):
    for term in terms(text):
        assert 0 < len(term) <= 300
        assert term.encode()  # half of a surrogate pair is no letter, and in no term
    assert set(query_terms(text)) <= set(terms(text))


def test_the_terms_of_a_text_are_those_of_its_words():
    assert terms("one two-three\nfour") == terms("one") + terms("two-three") + terms("four")


def test_a_huge_word_is_cut_and_not_kept():
    huge = "x" * 1_000_000
    assert [len(term) for term in terms(huge)] == [64]
    assert len(terms("中" * 10_000)) == 9_999
    assert huge not in analysis._known


def test_a_query_drops_stop_words_unless_it_has_nothing_else():
    assert query_terms("What is the name of the game?") == ["name", "game"]
    assert query_terms("To be or not to be") == ["not"]
    assert query_terms("Who is it?") == ["who", "is", "it"]
    assert query_terms("state-of-the-art") == ["state", "art", "stateoftheart"]
    assert query_terms("dog dogs Dog") == ["dog"]
    assert query_terms("?") == []


def test_a_date_of_a_query_is_that_of_a_text_in_any_writing():
    asked = set(query_terms("What happened on 5 February 2024?"))
    for written in (
        "2024-02-05 09:14 printer",
        "05/02/2024",
        "Feb. 5th, 2024",
        "5.2.2024",
        "the 5th of FEBRUARY 2024",
        "5. Februar 2024",
    ):
        assert {"2024-02-05", "2024-02", "--02-05"} <= asked & set(terms(written)), written
    assert "2024-02-05" not in terms("5 February 2023, 6 February 2024")
    assert query_terms("in February 2024") == ["februari", "2024", "2024-02"]


def test_a_title_counts_twice_and_no_count_passes_255():
    assert weighted("Storm warnings", "Storms", "A storm is a storm.") == {"storm": 5, "warn": 2, "a": 2, "is": 1}
    assert weighted("", "", "word " * 1000) == {"word": 255}
    assert weighted("", "", "") == {}


def test_threads_get_the_terms_that_one_gets():
    words = [f"{stem}{ending}" for stem in ("walk", "relat", "hop", "nation") * 50 for ending in ("ing", "ional", "ed")]
    texts = [" ".join(f"{word}{number}" for word in words) for number in range(8)]
    expected = [terms(text) for text in texts]
    analysis._known.clear()
    found: list[list[str]] = [[]] * 8

    def work(number: int) -> None:
        found[number] = terms(texts[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_the_store_of_known_words_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch):
    known = analysis._Known()
    monkeypatch.setattr(analysis._Known, "_ROOM", 10)
    for number in range(100):
        assert known[f"word{number}"] == (f"word{number}",)
        assert len(known) <= 10


@given(st.text("aZ-_.19 '\n"))
def test_plain_english_is_cut_like_every_other_text(text: str):
    assert terms(f"{text} ω") == [*terms(text), "ω"]
