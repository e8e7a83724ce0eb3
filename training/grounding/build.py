"""Builds the training set: `python training/grounding/build.py --sources FOLDER --data FOLDER --out pairs.jsonl`.

`sources.toml` lists the public sets, their licences and what is taken of each. Sets whose people's labels are for
validation or evaluation (RAGTruth, LFQA-Verification, half of SummEdits' domains, WiCE's test part, FactCheck-GPT,
NQ-open, CLAPNQ) are not read.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import _labelled as labelled
import _synthetic as synthetic
from _examples import Example, capped, seeded

from ragstone.generation.grounding.claims import split_sentences, strip_citations
from ragstone.generation.grounding.evidence import Source
from ragstone.generation.grounding.overlap import content_words

SETS = (
    # reader, folder, most examples, how many times
    (labelled.read_expertqa, "ExpertQA", 9999, 2),
    (labelled.read_quintd, "quintd", 9999, 1),
    (labelled.read_begin, "BEGIN-dataset", 4000, 1),
    (labelled.read_faithdial, "FaithDial", 9999, 1),
    (labelled.read_q_squared, "q-squared", 9999, 1),
    (labelled.read_wice, "wice", 9999, 1),
    (labelled.read_wice_claims, None, 9999, 1),
    (labelled.read_summedits, None, 9999, 1),
    (labelled.read_bump, "BUMP", 9999, 1),
    (labelled.read_fool_me_twice, "fool-me-twice", 9999, 1),
    (labelled.read_infotabs, "infotabs", 7000, 1),
    (labelled.read_tabfact, "Table-Fact-Checking", 3000, 1),
    (labelled.read_fetaqa, "FeTaQA", 9999, 1),
)
SPOILED = (
    "expertqa",
    "fetaqa",
    "summedits",
    "wice",
    "bump",
    "faithdial",
    "begin",
    "quintd-gsmarena",
    "quintd-wikidata",
)
"""Sets whose supported claims are also given with an error, made by rule."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, help="the folder with the repositories of sources.toml")
    parser.add_argument("--data", type=Path, required=True, help="the folder of benchmark data")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    forbidden = _shingles(arguments.data / "grounding/ragtruth_dev/ragtruth_summary.jsonl")
    people = list(_people(arguments.sources, arguments.data))
    examples = [*people, *_spoiled(people), *_bereft(people), *_from_paragraphs(arguments.data)]
    shared = _overlapping(examples, forbidden)
    kept = [e for e in _distinct(examples) if not shared.intersection(e.passages)]
    seeded("order").shuffle(kept)
    with arguments.out.open("w", encoding="utf-8") as out:
        for example in kept:
            out.write(json.dumps(_row(example), ensure_ascii=False) + "\n")
    counts = collections.Counter((e.source, e.supported) for e in kept)
    for source in sorted({source for source, _ in counts}):
        print(f"{source:28} {counts[source, True]:6} supported {counts[source, False]:6} not")
    print(f"{len(kept)} examples; {len(examples) - len(kept)} left out: twice there, or of a validation document")


def _people(sources: Path, data: Path) -> Iterator[Example]:
    for read, folder, most, times in SETS:
        examples = capped(list(read(sources / folder if folder else data)), most)
        for _ in range(times):
            yield from examples


def _spoiled(people: Sequence[Example]) -> Iterator[Example]:
    """Supported claims with one error."""
    good = [e for e in people if e.supported and e.source.startswith(SPOILED) and len(e.claim.split()) > 4]
    foreign = _names(good)
    for number, example in enumerate(dict.fromkeys(good)):
        rng = seeded("spoil", number)
        claim, passage = strip_citations(example.claim), " ".join(example.passages)
        if rng.random() < 0.15:
            made = synthetic.added(claim, strip_citations(rng.choice(good).claim), rng)
        else:
            made = synthetic.spoil(claim, passage, rng, rng.sample(foreign, 40))
        if made and (example.source != "begin" or rng.random() < 0.5):
            yield replace(
                example, source="spoiled", claim=made[0], supported=False, unsupported=made[1], human=False, answer=""
            )


def _names(examples: Sequence[Example]) -> list[str]:
    return sorted({n for e in examples for n in synthetic.names_of(strip_citations(e.claim))})


def _bereft(people: Sequence[Example]) -> Iterator[Example]:
    """Supported claims whose best sentences were taken out of the passages."""
    for example in dict.fromkeys(people):
        if not example.supported or example.source.startswith(("begin", "q-squared", "faithdial")):
            continue
        if example.source in {"infotabs", "tabfact", "fetaqa"} or seeded("bereft", example.claim).random() < 0.4:
            continue
        source, wanted = _source(example.passages), content_words(strip_citations(example.claim))
        if len(source.units) < 8 or len(wanted) < 4:
            continue
        shares = [len(unit.terms & wanted) / len(wanted) for unit in source.units]
        rest = [unit for unit, share in zip(source.units, shares, strict=True) if share < 0.4]
        left = set().union(*(unit.terms for unit in rest)) & wanted
        if max(shares) < 0.6 or len(rest) < 5 or len(left) / len(wanted) > 0.7:
            continue
        yield replace(
            example,
            source="bereft",
            passages=(" ".join(unit.text for unit in rest),),
            supported=False,
            unsupported=None,
            human=False,
            answer="",
        )


def _from_paragraphs(data: Path) -> Iterator[Example]:
    """Sentences of paragraphs with and without errors, and questions answered rightly and wrongly."""
    paragraphs = {
        **labelled.read_squad(data / "qa/squad2/dev-v2.0.json"),
        **_covid(data / "qa/covid_qa/question-answering/200423_covidQA.json"),
    }
    texts = list(paragraphs)
    for number, (text, questions) in enumerate(paragraphs.items()):
        rng = seeded("paragraph", number)
        group = f"paragraph {text[:60]}"
        foreign = synthetic.names_of(texts[rng.randrange(len(texts))][:3000])
        sentences = [s.text for s in split_sentences(text[:6000]) if 6 <= len(s.text.split()) <= 45]
        for sentence in rng.sample(sentences, min(6, len(sentences))):
            yield from _about(sentence, text, texts[number - 1], group, foreign, rng)
        right = [(q, answers[0]) for q, answers in questions if answers]
        for question, answer in rng.sample(right, min(6, len(right))):
            yield from _answered(question, answer, [a for _, a in right if a != answer], text, group, rng)
        for question, answers in rng.sample(questions, min(4, len(questions))):
            if not answers and right:
                yield _answer(question, rng.choice(right)[1], text, group, False, rng)


def _about(
    sentence: str, text: str, neighbour: str, group: str, foreign: Sequence[str], rng: random.Random
) -> Iterator[Example]:
    kind = rng.random()
    if kind < 0.25:
        yield Example("sentence", group, sentence, (text,), True, (), human=False)
    elif kind < 0.45:
        yield Example("sentence-elsewhere", group, sentence, (neighbour,), False, human=False)
    elif kind < 0.55:
        rest = text.replace(sentence, " ")
        if not content_words(sentence) <= content_words(rest):
            yield Example("sentence-elsewhere", group, sentence, (rest,), False, human=False)
    else:
        made = synthetic.spoil(sentence, text, rng, foreign)
        if made:
            yield Example("sentence-spoiled", group, made[0], (text,), False, made[1], human=False)
            if rng.random() < 0.5:
                yield Example("sentence", group, sentence, (text,), True, (), human=False)


def _answered(
    question: str, answer: str, others: Sequence[str], text: str, group: str, rng: random.Random
) -> Iterator[Example]:
    yield _answer(question, answer, text, group, True, rng)
    alike = [a for a in others if a[0].isdigit() == answer[0].isdigit() and a not in answer and answer not in a]
    if alike:
        yield _answer(question, rng.choice(alike), text, group, False, rng)


def _answer(question: str, answer: str, text: str, group: str, supported: bool, rng: random.Random) -> Example:
    claim = synthetic.declared(question, answer) if rng.random() < 0.7 else None
    if claim is None:
        claim = rng.choice((answer, f"{answer}.", f"The answer is {answer}."))
    start = claim.find(answer)
    span = ((start, start + len(answer)),) if start >= 0 else None
    asked = question if rng.random() < 0.7 or len(claim.split()) < 6 else ""
    return Example("answer", group, claim, (text,), supported, () if supported else span, question=asked, human=False)


def _covid(path: Path) -> dict[str, list[tuple[str, list[str]]]]:
    """Windows of the papers around an answer, with its question."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                answer = qa["answers"][0]
                at = max(0, answer["answer_start"] // 3000 * 3000)
                window = paragraph["context"][at : at + 3600]
                if answer["text"] in window and len(answer["text"]) < 300:
                    found.setdefault(window, []).append((qa["question"], [answer["text"]]))
    return found


def _distinct(examples: Sequence[Example]) -> Iterator[Example]:
    seen: collections.Counter[tuple[str, tuple[str, ...], str]] = collections.Counter()
    for example in examples:
        key = example.claim, example.passages, example.answer
        seen[key] += 1
        if seen[key] <= (2 if example.source == "expertqa" else 1):
            yield example


def _shingles(path: Path) -> set[str]:
    """Runs of ten words of the validation documents."""
    found: set[str] = set()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            words = json.loads(line)["source"].lower().split()
            found |= {" ".join(words[at : at + 10]) for at in range(max(1, len(words) - 9))}
    return found


def _overlapping(examples: Sequence[Example], forbidden: set[str]) -> set[str]:
    """The passages that share text with a validation document."""
    found = set()
    for passage in {passage for example in examples for passage in example.passages}:
        words = passage.lower().split()
        if sum(" ".join(words[at : at + 10]) in forbidden for at in range(max(1, len(words) - 9))) >= 2:
            found.add(passage)
    return found


@lru_cache(maxsize=2048)
def _source(passages: tuple[str, ...]) -> Source:
    return Source(passages)


def _row(example: Example) -> dict[str, object]:
    claim, spans = strip_citations(example.claim), example.unsupported
    if claim != example.claim and spans:
        spans = None  # they no longer stand where they stood
    held_out = hashlib.sha256(example.group.encode()).digest()[0] < 26  # a tenth
    evidence = " ".join(unit.text for unit in _source(example.passages).select(claim))
    return {
        "source": example.source,
        "claim": claim,
        "evidence": evidence,
        "question": example.question,
        "supported": example.supported,
        "spans": spans,
        "human": example.human,
        "answer": example.answer,
        "held_out": held_out,
        "passages": list(example.passages) if held_out else [],
    }


if __name__ == "__main__":
    sys.exit(main())
