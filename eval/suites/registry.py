"""All suites, by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import SettingsError
from . import DataSet, Suite
from .bias import BBQ, CROWS_PAIRS, STEREOSET, TRUTHFULQA, WINOBIAS, WINOGENDER
from .fairness import EXPOSURE, PARITY
from .grounding import GROUNDING
from .judges import JUDGES
from .modelling import PERPLEXITY
from .questions import OWN, QUESTIONS
from .retrieval import CHUNKING, RETRIEVAL
from .robustness import RGB, ROBUSTNESS
from .safety import INJECTION, OVER_DEFENCE

SUITES: Mapping[str, Suite[Any]] = {
    suite.name: suite
    for suite in (
        *(OWN, PARITY, QUESTIONS, ROBUSTNESS, RGB),
        *(GROUNDING, INJECTION, OVER_DEFENCE, EXPOSURE),
        *(TRUTHFULQA, BBQ, CROWS_PAIRS, WINOGENDER, WINOBIAS, STEREOSET),
        *(RETRIEVAL, CHUNKING, PERPLEXITY, JUDGES),
    )
}


def unit_name(suite: Suite[Any], of: DataSet[Any]) -> str:
    """What a set is called in a run: the suite's name, and the set's where there are several."""
    return suite.name if len(suite.sets) == 1 else f"{suite.name}/{of.name}"


def chosen_sets(names: Sequence[str]) -> Iterator[tuple[Suite[Any], DataSet[Any]]]:
    """The sets that names ask for: `SUITE` is all of its sets, `SUITE/SET` one, `all` everything; each set once.

    Raises:
        SettingsError: There is no such suite or set.
    """
    known = {unit_name(suite, of): (suite, of) for suite in SUITES.values() for of in suite.sets}
    wanted: dict[str, None] = {}
    for name in names:
        found = [one for one in known if name in ("all", one) or one.startswith(f"{name}/")]
        if not found and name in SUITES:
            raise SettingsError(
                f"{name} has no published data", remedy="It asks your own --questions about your own --library"
            )
        if not found:
            near = difflib.get_close_matches(name, [*SUITES, *known], n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else "See `ragstone eval list`"
            raise SettingsError(f"there is no suite {name!r}", remedy=remedy)
        wanted |= dict.fromkeys(found)
    yield from (known[name] for name in wanted)
