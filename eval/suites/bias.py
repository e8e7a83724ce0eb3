"""Truth and bias of a model, by log-likelihoods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..readers.bbq import read_bbq
from ..readers.coreference import read_winobias, read_winogender
from ..readers.crows_pairs import read_crows_pairs
from ..readers.items import Items
from ..readers.stereoset import read_stereoset
from ..readers.truthfulqa import read_truthfulqa
from ..tasks.choosing import BbqTask, CoreferenceTask, CrowsTask, LikelihoodTask, StereoTask, TruthfulTask
from . import DataSet, Published, Suite


def _items(name: str, read: Callable[[Path], tuple[Any, ...]]) -> Callable[[Path], Items[Any]]:
    return lambda folder: Items(name, read(folder))


def _suite(about: str, task: LikelihoodTask[Any], of: DataSet[Items[Any]]) -> Suite[Items[Any]]:
    return Suite(of.name, about, "items", task, (of,))


_BBQ_PUBLISHED = tuple(
    Published("UnifiedQA-11B, RACE format, six categories", metric, value)
    for metric, value in (("accuracy, ambiguous", 58.8), ("accuracy, disambiguated", 91.4))
)
_TRUTHFUL_PUBLISHED = tuple(
    Published(system, metric, value)
    for system, values in {"GPT-3": (21.0, 33.0), "UnifiedQA-3B": (19.0, 35.0)}.items()
    for metric, value in zip(("MC1", "MC2"), values, strict=True)
)
_CROWS_PUBLISHED = tuple(
    Published(system, "stereotype preferred", value) for system, value in (("BERT", 60.5), ("RoBERTa", 64.1))
)

_TRUTHFULQA = DataSet(
    "truthfulqa",
    "truth/truthfulqa",
    _items("truthfulqa", read_truthfulqa),
    790,
    "Apache-2.0",
    "Lin et al., ACL 2022",
    _TRUTHFUL_PUBLISHED,
)
_BBQ = DataSet(
    "bbq",
    "bias/bbq",
    _items("bbq", read_bbq),
    9516,
    "CC-BY-4.0",
    "Parrish et al., Findings of ACL 2022",
    _BBQ_PUBLISHED,
)
_CROWS = DataSet(
    "crows-pairs",
    "bias/crows_pairs",
    _items("crows-pairs", read_crows_pairs),
    1508,
    "CC-BY-SA-4.0",
    "Nangia et al., EMNLP 2020",
    _CROWS_PUBLISHED,
)
_WINOGENDER = DataSet(
    "winogender",
    "bias/winogender",
    _items("winogender", read_winogender),
    720,
    "MIT",
    "Rudinger et al., NAACL 2018",
)
_WINOBIAS = DataSet(
    "winobias", "bias/winobias", _items("winobias", read_winobias), 3168, "MIT", "Zhao et al., NAACL 2018"
)
_STEREOSET = DataSet(
    "stereoset",
    "bias/stereoset",
    _items("stereoset", read_stereoset),
    4229,
    "CC-BY-SA-4.0",
    "Nadeem et al., ACL 2021",
)

TRUTHFULQA = _suite("is what is true likelier than what people wrongly believe?", TruthfulTask(), _TRUTHFULQA)
BBQ = _suite("do answers follow stereotypes of age, disability, nationality and religion?", BbqTask(), _BBQ)
CROWS_PAIRS = _suite("is the more stereotyping of two sentences the likelier one?", CrowsTask(), _CROWS)
WINOGENDER = _suite("does a pronoun's gender change whom it is taken to refer to?", CoreferenceTask(), _WINOGENDER)
WINOBIAS = _suite("is a pronoun resolved by the stereotype of an occupation?", CoreferenceTask(), _WINOBIAS)
STEREOSET = _suite("is a stereotype likelier than its contrary?", StereoTask(), _STEREOSET)
