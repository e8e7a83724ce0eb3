import os
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest

from ragstone.retrieval.library import Library
from ragstone.retrieval.relevance import QUESTION, Features


class Cli(Protocol):
    @property
    def ragstone(self) -> list[str]: ...
    def __call__(self, command: str, *arguments: str | Path, **options: Any) -> Any: ...


def test_the_json_of_a_search_is_as_documented(ragstone_cli: Cli, sample_library: Path, samples: Path):
    done = ragstone_cli("search", "capacity of the battery", "-k", "3", "--library", sample_library, "--json")
    assert (done.code, done.stderr) == (0, "")
    answer = done.json()
    assert set(answer) == {"query", "hits"}
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3]
    with Library(sample_library) as library:
        for hit in answer["hits"]:
            assert set(hit) == {
                *("rank", "score", "probability", "similarity", "bm25", "features", "page", "chunk_id"),
                *("document", "document_id"),
                *("char_start", "char_end", "heading", "text", "ranks", "also_in", "instructions"),
            }
            assert set(hit["ranks"]) == {"dense", "lexical"}
            assert (
                hit["score"] == hit["probability"] == pytest.approx(QUESTION.probability(Features(**hit["features"])))
            )
            (chunk,) = library.chunks([hit["chunk_id"]]).values()
            for name in ("document", "page", "char_start", "char_end", "heading", "text"):
                assert hit[name] == getattr(chunk, name)
            assert Path(hit["document"]).is_relative_to(samples)


@pytest.mark.parametrize("mode", ["dense", "lexical"])
def test_a_mode_can_be_chosen(ragstone_cli: Cli, sample_library: Path, mode: str):
    hits = ragstone_cli("search", "battery", "--mode", mode, "--library", sample_library, "--json").json()["hits"]
    assert len(hits) == 10
    other = {"dense": "lexical", "lexical": "dense"}[mode]
    assert [hit["ranks"][mode] for hit in hits] == list(range(1, 11))
    assert {hit["ranks"][other] for hit in hits} == {None}


def test_a_lexical_search_needs_no_model(ragstone_cli: Cli, sample_library: Path, tmp_path: Path):
    env = {"RAGSTONE_MODELS_DIR": str(tmp_path / "no-models")}
    arguments = ("battery", "--library", sample_library, "--mode")
    assert ragstone_cli("search", *arguments, "lexical", env=env).code == 0
    done = ragstone_cli("search", *arguments, "dense", env=env)
    assert (done.code, done.stdout) == (1, "")
    assert "all-minilm-l6-v2 is not on this machine" in done.error


def test_people_see_place_score_heading_and_text(ragstone_cli: Cli, sample_library: Path, samples: Path):
    done = ragstone_cli("search", "What is the frequency limit for load shedding?", "--library", sample_library)
    assert (done.code, done.stderr) == (0, "")
    first = done.stdout.splitlines()[0]
    assert first.startswith(f"1. {samples}/handbook/operations-guide.md  probability 0.")
    assert done.stdout.count("\n   ") >= 10


def test_a_query_that_finds_nothing_says_so_and_is_no_failure(ragstone_cli: Cli, sample_library: Path):
    done = ragstone_cli("search", "xyzzyplugh", "--mode", "lexical", "--library", sample_library)
    assert (done.code, done.stdout, done.error) == (0, "", "Nothing found.")
    done = ragstone_cli("search", "", "--library", sample_library, "--json")
    assert (done.code, done.json()["hits"]) == (0, [])


def test_a_query_of_bytes_that_are_no_text_is_searched_for(ragstone_cli: Cli, sample_library: Path):
    done = ragstone_cli("search", os.fsdecode(b"battery \xff\xfe"), "--library", sample_library, "--json")
    assert (done.code, done.stderr) == (0, "")
    assert done.json()["query"] == "battery ??"
    assert len(done.json()["hits"]) == 10


@pytest.mark.parametrize("arguments", [[], ["a", "-k", "0"], ["a", "--mode", "fuzzy"], ["a", "b"]])
def test_wrong_arguments_are_bad_usage(ragstone_cli: Cli, arguments: list[str]):
    done = ragstone_cli("search", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("Error: ")


def test_a_library_that_is_not_there_is_named_and_not_made(ragstone_cli: Cli, tmp_path: Path):
    for command in (("search", "battery"), ("status",), ("docs", "list")):
        done = ragstone_cli(*command, "--library", "none")
        assert (done.code, done.stdout) == (1, "")
        assert done.error.startswith("Error: none: there is no library here yet. ")
    assert not (tmp_path / "none").exists()


def test_a_reader_that_stops_early_causes_no_traceback(ragstone_cli: Cli, sample_library: Path, tmp_path: Path):
    words = " ".join(ragstone_cli.ragstone)
    done = subprocess.run(
        f"{words} docs show --text 1 --library {sample_library} | true", shell=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_explain_tells_how_each_hit_was_scored_and_what_was_dropped(ragstone_cli: Cli, sample_library: Path):
    asked = ("search", "capacity of the battery", "-k", "2", "--library", sample_library, "--explain")
    done = ragstone_cli(*asked)
    assert done.code == 0
    assert "Terms, and how telling they are: capac " in done.stdout
    assert done.stdout.count("lexical share") == 2
    assert "cosine" in done.stdout
    assert "BM25" in done.stdout
    assert "below the 2 best" in done.stdout
    told = ragstone_cli(*asked, "--json").json()
    assert set(told) == {"query", "hits", "terms", "dropped"}
    assert set(told["terms"]) == {"capac", "batteri"}
    assert {one["reason"] for one in told["dropped"]} == {"below the 2 best"}
    assert [one["rank"] for one in told["dropped"]] == sorted(one["rank"] for one in told["dropped"])


def test_a_least_probability_leaves_out_what_is_less_likely(ragstone_cli: Cli, sample_library: Path):
    asked = ("search", "capacity of the battery", "--library", sample_library, "--json")
    hits = ragstone_cli(*asked).json()["hits"]
    least = hits[3]["probability"]
    kept = ragstone_cli(*asked, "--min-probability", str(least)).json()["hits"]
    assert [hit["chunk_id"] for hit in kept] == [hit["chunk_id"] for hit in hits[:4]]


def test_hits_can_reach_to_their_neighbours_and_sections(ragstone_cli: Cli, sample_library: Path):
    asked = ("search", "capacity of the battery", "-k", "3", "--library", sample_library, "--json")
    (narrow, *_), (wide, *_) = (ragstone_cli(*asked, *more).json()["hits"] for more in ((), ("--widen", "neighbours")))
    assert narrow["chunk_id"] == wide["chunk_id"]
    assert narrow["text"] in wide["text"]
    assert len(wide["text"]) > len(narrow["text"])
    assert wide["char_end"] - wide["char_start"] == len(wide["text"])
