"""A chat model and classifiers as judges. The classifiers are made here: small, but real weights in real folders."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
)

from ragstone.errors import ModelLoadError
from ragstone.generation.grounding import Scorer, verify
from ragstone.generation.grounding.judges import LocalJudge
from ragstone.generation.grounding.judges_hub import PairJudge, open_hub_judge
from ragstone.generation.llama import LlamaModel
from ragstone.generation.models import ModelStore
from ragstone.generation.prompts import Prompts
from ragstone.generation.tasks import judge

JUDGE = Prompts().get("judge")
PUMP = "The pump in hall B was replaced in March 2019. The new pump weighs 38 kg."
RAIN = "Rain fell on the harbour all day."
Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tests run side by side, and torch's threads wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make(model_store: ModelStore, tmp_path: Path) -> Make:
    """Writes a small BERT with the words of all-MiniLM-L6-v2, its weights drawn at random or changed by `shape`."""
    words = model_store.pull("all-minilm-l6-v2")

    def write(kind: type[Any], shape: Callable[[Any], None] = lambda model: None, **config: Any) -> Path:
        torch.manual_seed(0)
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        model = kind(BertConfig(**{"vocab_size": 30522, "initializer_range": 0.5} | sizes | config))
        with torch.no_grad():
            shape(model)
        folder = tmp_path / kind.__name__
        model.save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
            if (words / name).is_file():
                shutil.copy(words / name, folder)
        return folder

    return write


NLI = {"id2label": {0: "contradiction", 1: "entailment", 2: "neutral"}}


def by_hand(folder: Path, first: str, second: str) -> list[float]:
    """What transformers itself says of a pair."""
    model = BertForSequenceClassification.from_pretrained(folder).eval()
    tokens = AutoTokenizer.from_pretrained(folder)(first, second, return_tensors="pt")
    with torch.inference_mode():
        logits = model(**tokens).logits[0]
    return list((torch.sigmoid(logits) if len(logits) == 1 else torch.softmax(logits, 0)).tolist())


def test_a_chat_models_odds_are_the_support(tiny_model: LlamaModel) -> None:
    scorer: Scorer = LocalJudge(tiny_model, JUDGE)
    first, second = scorer.score(["The pump weighs 38 kg [1].", "It rained."], [RAIN, PUMP])
    shown = [("passage 1", RAIN), ("passage 2", PUMP)]
    for found, claim in ((first, "The pump weighs 38 kg."), (second, "It rained.")):
        expected = judge(tiny_model, JUDGE, claim, shown)
        assert expected is not None
        assert found.support == pytest.approx(expected, abs=0.02)
    assert first.passage == 1
    assert PUMP[first.start : first.end] == "The new pump weighs 38 kg."
    assert scorer.name == f"judge:{tiny_model.name}"


def test_a_claim_whose_passages_do_not_fit_is_unscored(tiny_model: LlamaModel) -> None:
    checked = verify("The pump weighs 38 kg. It is new.", [PUMP * 100], scorer=LocalJudge(tiny_model, JUDGE))
    assert [s.verdict for s in checked.sentences] == ["unscored", "unscored"]
    assert checked.support is None


def test_nothing_is_supported_by_no_passage(tiny_model: LlamaModel, make: Make) -> None:
    judges = [
        LocalJudge(tiny_model, JUDGE),
        open_hub_judge(make(BertForSequenceClassification, num_labels=1)),
        open_hub_judge(make(BertForTokenClassification, num_labels=2)),
    ]
    for scorer in judges:
        assert [one.support for one in scorer.score(["The pump is new.", "It is heavy."], [])] == [0.0, 0.0]
        assert scorer.score([], [PUMP]) == []


def test_the_words_of_the_context_are_shown_as_given(tiny_model: LlamaModel) -> None:
    (found,) = LocalJudge(tiny_model, JUDGE).score(["It weighs 38 kg."], [PUMP], "How heavy is the pump?")
    expected = judge(tiny_model, JUDGE, "It weighs 38 kg.", [("given", "How heavy is the pump?"), ("passage 1", PUMP)])
    assert expected is not None
    assert found.support == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("labels", [NLI, {"id2label": {0: "not_supported", 1: "SUPPORTED"}}, {"num_labels": 1}])
def test_a_classifier_of_pairs_says_how_far_the_best_passage_supports(make: Make, labels: dict[str, Any]) -> None:
    folder = make(BertForSequenceClassification, **labels)
    scorer = open_hub_judge(folder)
    claims = ["The pump weighs 38 kg [2].", "It rained.", "The hall is green."]
    found = scorer.score(claims, [RAIN, PUMP])
    for claim, evidence in zip(claims, found, strict=True):
        bare = claim.replace(" [2]", "")
        place = 1 if "num_labels" not in labels else 0
        supports = [by_hand(folder, passage, bare)[place] for passage in (RAIN, PUMP)]
        assert evidence.support == pytest.approx(max(supports), abs=1e-4)
        assert evidence.passage == supports.index(max(supports))
    assert len({round(one.support or 0, 4) for one in found}) == 3


def test_a_long_passage_is_read_to_its_end_in_windows_of_whole_sentences(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(BertForSequenceClassification, max_position_embeddings=64, **NLI)
    scorer = open_hub_judge(folder)
    passage = " ".join(f"The pump number {n} stands in the hall {n}." for n in range(30))
    claim = "The pump number 29 stands in the hall 29."
    read: list[str] = []
    supports = PairJudge._supports

    def see(self: PairJudge, pairs: list[tuple[str, str]]) -> list[float]:
        read.extend(first.strip() for first, _ in pairs)
        return supports(self, pairs)

    monkeypatch.setattr(PairJudge, "_supports", see)
    (found,) = scorer.score([claim], [passage])
    assert " ".join(read) == passage
    assert len(read) > 5
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert all(len(tokenizer(text, claim)["input_ids"]) <= 64 for text in read)
    assert passage[found.start : found.end] in read
    assert found.support == pytest.approx(max(by_hand(folder, text, claim)[1] for text in read), abs=1e-4)


def test_a_claim_that_is_longer_than_the_model_reads_is_unscored(make: Make) -> None:
    for kind, labels in ((BertForSequenceClassification, NLI), (BertForTokenClassification, {"num_labels": 2})):
        scorer = open_hub_judge(make(kind, max_position_embeddings=64, **labels))
        found = scorer.score(["It rained.", "word " * 80, "It is new."], [PUMP, RAIN * 50], "How heavy is it?" * 40)
        assert [one.support is None for one in found] == [False, True, False]


@pytest.fixture
def suspicious(make: Make, model_store: ModelStore) -> Path:
    """A classifier of tokens without layers, which finds `83` and `green` hallucinated wherever they stand."""
    tokenizer = AutoTokenizer.from_pretrained(model_store.pull("all-minilm-l6-v2"))
    suspects = tokenizer.convert_tokens_to_ids(["83", "green"])

    def shape(model: Any) -> None:
        embeddings = model.bert.embeddings
        for table in (embeddings.word_embeddings, embeddings.position_embeddings, embeddings.token_type_embeddings):
            table.weight.zero_()
        embeddings.word_embeddings.weight[:, 0] = 1.0
        embeddings.word_embeddings.weight[suspects, 0] = 0.0
        embeddings.word_embeddings.weight[suspects, 1] = 1.0
        model.classifier.weight.zero_()
        model.classifier.weight[1, 0], model.classifier.weight[1, 1] = -1.0, 1.0

    return make(BertForTokenClassification, shape, num_hidden_layers=0, num_labels=2)


def test_a_classifier_of_tokens_tells_where_a_claim_is_unsupported(suspicious: Path) -> None:
    claims = ["The pump weighs 83 kg [1].", "It was replaced in March.", "It is green green, they say."]
    scorer = open_hub_judge(suspicious, "tiny")
    found = scorer.score(claims, ["The pump is green and weighs 83 kg."], "How heavy is the pump?")
    marked = [[claim[a:b] for a, b in one.unsupported] for claim, one in zip(claims, found, strict=True)]
    assert marked == [["83"], [], ["green green"]]
    sure = found[0].support
    assert sure is not None and sure < 0.1
    assert found[2].support == pytest.approx(sure)
    assert found[1].support is not None and found[1].support > 0.9
    assert scorer.name == "hub:tiny"


def test_long_answers_are_read_in_parts(suspicious: Path) -> None:
    tokenizer = json.loads((suspicious / "tokenizer_config.json").read_text("utf-8")) | {"model_max_length": 80}
    (suspicious / "tokenizer_config.json").write_text(json.dumps(tokenizer), "utf-8")
    claims = [f"The pump number {n} is {'green' if n % 3 == 0 else 'blue'}." for n in range(12)]
    found = open_hub_judge(suspicious).score(claims, [PUMP * 9])
    assert [bool(one.unsupported) for one in found] == [n % 3 == 0 for n in range(12)]


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        ({"num_labels": 2}, r"none or several of its labels \(LABEL_0, LABEL_1\)"),
        ({"id2label": {0: "not_entailment", 1: "inconsistent"}}, "none or several of its labels"),
    ],
)
def test_a_classifier_whose_labels_say_nothing_is_refused(make: Make, labels: dict[str, Any], what: str) -> None:
    with pytest.raises(ModelLoadError, match=what) as caught:
        open_hub_judge(make(BertForSequenceClassification, **labels))
    assert "id2label" in caught.value.remedy


def test_what_is_no_classifier_is_refused(make: Make, model_store: ModelStore, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="this is no classifier but BertForMaskedLM"):
        open_hub_judge(make(BertForMaskedLM))
    with pytest.raises(ModelLoadError, match="this is no classifier but BertModel"):
        open_hub_judge(model_store.pull("all-minilm-l6-v2"))
    with pytest.raises(ModelLoadError, match="there is no model in it"):
        open_hub_judge(tmp_path)


def test_weights_that_are_not_there_are_not_drawn_at_random(make: Make) -> None:
    folder = make(BertForMaskedLM)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config |= {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "entailment", "1": "no"}}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(ModelLoadError, match=r"its weights lack .*classifier\.weight"):
        open_hub_judge(folder)


def test_a_damaged_model_is_refused(make: Make) -> None:
    folder = make(BertForSequenceClassification, **NLI)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelLoadError, match="transformers cannot load this classifier"):
        open_hub_judge(folder)
