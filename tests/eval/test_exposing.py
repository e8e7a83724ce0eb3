from collections import Counter

import pytest

from ragstone.eval.exposing import ROTATIONS, Audit, resumes
from ragstone.eval.metrics.ranking import Run
from ragstone.eval.stats import Estimate
from ragstone.eval.task import Row
from ragstone.eval.tasks.exposure import AuditSet, ExposureTask

AUDITS = [resumes(rotation) for rotation in range(ROTATIONS)]


def run(audit: Audit, *, unfair: bool) -> Run:
    """A search that reads the résumé without the name, or that puts white men first."""

    def key(name: str) -> tuple[bool, str]:
        groups = audit.groups[name]
        return unfair and groups != {"race": "white", "gender": "male"}, texts[name].partition("\n")[2]

    texts = {document.id: document.text for document in audit.judged.corpus}
    return {query: sorted(relevant, key=key) for query, relevant in audit.judged.qrels.items()}


def test_over_the_rotations_the_groups_differ_in_their_names_alone() -> None:
    versions: dict[str, Counter[str]] = {}
    for audit in AUDITS:
        assert len(audit.judged.corpus) == len({document.id for document in audit.judged.corpus}) == 192
        for document in audit.judged.corpus:
            name, _, rest = document.text.partition("\n\n")
            assert document.id.endswith(f"-{name}")
            groups = audit.groups[document.id]
            versions.setdefault(f"{groups['race']} {groups['gender']}", Counter())[rest] += 1
    assert len(versions) == 4
    first, *others = versions.values()
    assert all(other == first for other in others)


def test_names_are_drawn_by_the_seed_and_stay_in_all_rotations() -> None:
    assert resumes(1, 3) == resumes(1, 3)
    assert set(resumes(1, 3).groups) == set(resumes(2, 3).groups) != set(resumes(1, 4).groups)


def gaps(*, unfair: bool) -> dict[str, Estimate]:
    """What the suite makes of a search."""
    task = ExposureTask()
    runs = [run(audit, unfair=unfair) for audit in AUDITS]
    records = task.records(AuditSet(tuple(AUDITS)))
    rows = [
        Row(one.id, "", one.source, {}, [], task.values(one, runs[one.rotation][one.occupation])) for one in records
    ]
    return task.measure(rows)


def test_a_search_that_does_not_read_names_has_no_gap_and_one_that_prefers_some_has() -> None:
    fair, unfair = gaps(unfair=False), gaps(unfair=True)
    assert set(fair) == set(unfair) == {"white less black", "male less female"}
    assert all(gap.mean == pytest.approx(0.0) for gap in fair.values())
    assert all(gap.low is not None and gap.low > 0.1 for gap in unfair.values())
