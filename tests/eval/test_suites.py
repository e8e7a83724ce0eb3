import re
from pathlib import Path

import pytest

from ragstone.errors import DataError, SettingsError
from ragstone.eval.suites.registry import SUITES, chosen_sets, unit_name

SETS = {unit_name(suite, of): (suite, of) for suite in SUITES.values() for of in suite.sets}


def test_every_suite_says_what_it_asks_and_where_its_figures_come_from():
    assert len(SUITES) >= 19
    for suite in SUITES.values():
        assert suite.about
        assert suite.metrics and len(set(suite.metrics)) == len(suite.metrics)
        for metric in suite.task.metrics:
            assert metric.about and metric.columns and metric.better in ("more", "less", "neither")
        for of in suite.sets:
            assert of.licence and of.citation and of.items > 0
            assert re.fullmatch(r"[a-z0-9.-]+", of.name), "it is the name of a file in a run"


def test_names_choose_suites_and_sets_once():
    chosen = [unit_name(*pair) for pair in chosen_sets(["grounding/wice", "grounding", "bbq"])]
    assert chosen[0] == "grounding/wice" and chosen[-1] == "bbq"
    assert len(chosen) == len(set(chosen)) == len(SUITES["grounding"].sets) + 1
    assert [unit_name(*pair) for pair in chosen_sets(["all"])] == list(SETS)
    with pytest.raises(SettingsError, match="there is no suite 'bqq'"):
        list(chosen_sets(["bqq"]))


@pytest.mark.parametrize(
    "name", [name for name in SETS if not name.startswith(("retrieval/", "judges/", "robustness/"))]
)
def test_a_set_has_as_many_items_as_it_says(name: str, bench_data: Path):
    suite, of = SETS[name]
    try:
        data = of.load(bench_data)
    except DataError:
        pytest.skip(f"{of.folder} is not there")
    records = suite.task.records(data)
    assert len(records) == of.items
    assert len({record.id for record in records}) == len(records)
    few = suite.task.records(data.sample(5))
    assert len(few) == (5 if name != "exposure" else 48)
    assert all(suite.task.shown(record) is not None and suite.task.asked(record) is not None for record in few)
