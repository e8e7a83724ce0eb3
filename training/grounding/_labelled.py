"""Sets that people labelled, each as it was published; `sources.toml` says where, and under what licence."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _examples import Example, changed, sentences_of, tidy


def read_expertqa(folder: Path) -> Iterator[Example]:
    """Claims of long answers, judged by experts against the passages that the answer cites."""
    seen = set()
    for name in ("rand_val", "rand_test", "domain_val", "domain_test"):
        for row in _jsonl(folder / f"data/lfqa/{name}.jsonl"):
            for system, answer in row["answers"].items():
                for claim in answer["claims"]:
                    passages = tuple(_without_address(text) for text in claim["evidence"] if text.strip())
                    key = row["question"], claim["claim_string"], system
                    if claim["support"] not in ("Complete", "Partial", "Incomplete") or not passages or key in seen:
                        continue
                    seen.add(key)
                    yield Example(
                        "expertqa",
                        f"expertqa {row['question']}",
                        claim["claim_string"].strip(),
                        passages,
                        claim["support"] == "Complete",
                        question=row["question"],
                        answer=f"{system} {row['question']}",
                    )


def _without_address(text: str) -> str:
    """The passage without its number and address."""
    head, _, rest = text.partition("\n\n")
    return rest if rest and head.startswith("[") and "http" in head else text


def read_quintd(folder: Path) -> Iterator[Example]:
    """What models wrote about records, with the spans that annotators marked as wrong or not in the record."""
    base = folder / "data/quintd-1"
    marked: dict[tuple[str, str, int], list[tuple[int, int]]] = {}
    for path in sorted((base / "annotations/human").glob("*.jsonl")):
        for row in _jsonl(path):
            spans = [(a["start"], a["start"] + len(a["text"])) for a in row["annotations"]]
            marked[row["dataset"], row["model"], row["table_idx"]] = spans
    for name, most in (("gsmarena", 6000), ("wikidata", 6000), ("ice_hockey", 9000)):
        records = json.loads((base / f"data/{name}/test.json").read_text("utf-8"))
        for model in ("gpt-3.5", "llama2", "mistral", "zephyr"):
            written = json.loads((base / f"outputs/test/{name}/default/{model}.json").read_text("utf-8"))
            for number, output in enumerate(written["generated"]):
                spans = marked.get((name, model, number))
                passage = json.dumps(_trimmed(records[number]), ensure_ascii=False)[: most * 3]
                if spans is None or len(passage) > most * 2:
                    continue
                text = output["out"]
                for claim, own in sentences_of(text, spans):
                    yield Example(
                        f"quintd-{name}",
                        f"quintd {name} {number}",
                        claim,
                        (passage,),
                        not own,
                        own,
                        answer=f"quintd {name} {number} {model}",
                    )


_NOISE = ("id", "img", "slug", "color", "colors", "image", "url", "key", "flag", "primary", "secondary", "userCount")


def _trimmed(record: Any) -> Any:
    """A record without the keys of machines, which no text is about."""
    if isinstance(record, dict):
        if set(record) == {"name", "value"}:
            return {str(record["name"]): _trimmed(record["value"])}
        return {k: _trimmed(v) for k, v in record.items() if k not in _NOISE and "Color" not in k}
    if isinstance(record, list):
        if record and all(isinstance(v, list) and len(v) == 2 and isinstance(v[0], str) for v in record):
            return {v[0]: _trimmed(v[1]) for v in record}
        parts = [_trimmed(v) for v in record]
        if parts and all(isinstance(v, dict) and len(v) == 1 for v in parts):
            return {k: v for part in parts for k, v in part.items()}
        return parts
    return record


_ATTRIBUTABLE = {"Fully attributable": True, "Not fully attributable": False}


def read_begin(folder: Path) -> Iterator[Example]:
    """Replies of dialogue models, judged against the knowledge that they were given."""
    for name in ("wow/begin_dev_wow", "wow/begin_test_wow", "topicalchat/begin_dev_tc", "cmu-dog/begin_dev_cmu"):
        for row in _table(folder / f"{name}.tsv", "\t"):
            label = _ATTRIBUTABLE.get(row["begin_label"] or "")
            if label is not None:
                yield Example(
                    "begin", f"begin {row['knowledge'][:80]}", tidy(row["response"]), (tidy(row["knowledge"]),), label
                )


def read_faithdial(folder: Path) -> Iterator[Example]:
    """The audit of dialogue sets and models behind FaithDial."""
    for path in sorted((folder / "data-audit").glob("*/*.csv")):
        for row in _table(path, ","):
            knowledge = row.get("knowledge") or row.get("evidence") or ""
            response = row.get("response") or next((row[k] for k in ("gpt2", "ctrl", "doha") if row.get(k)), "")
            labels = (row.get("begin_label") or row.get("BEGIN") or "").lower()
            if not knowledge or not response or not any(word in labels for word in ("entail", "hallucination")):
                continue
            supported = "entail" in labels and "hallucination" not in labels
            yield Example("faithdial", f"faithdial {knowledge[:80]}", tidy(response), (tidy(knowledge),), supported)


def read_q_squared(folder: Path) -> Iterator[Example]:
    """Replies of two dialogue models, labelled as consistent with their knowledge or not."""
    for row in _table(folder / "third_party/data/cross_annotation.csv", ","):
        for model in ("dodeca", "memnet"):
            if row[f"{model}_label"] in ("0", "1"):
                yield Example(
                    "q-squared",
                    f"q-squared {row['knowledge'][:80]}",
                    tidy(row[f"{model}_response"]),
                    (tidy(row["knowledge"]),),
                    row[f"{model}_label"] == "1",
                )


def read_wice(folder: Path) -> Iterator[Example]:
    """Claims of Wikipedia against sentences of the pages that they cite, with the words that these do not carry."""
    for row in _jsonl(folder / "data/non_supported_tokens/train.jsonl"):
        claim, spans, at = row["claim"], [], 0
        for token, bare in zip(row["claim_tokens"], row["non_supported_spans"], strict=True):
            at = claim.find(token, at)
            if at < 0:
                break
            if bare:
                spans.append((at, at + len(token)))
            at += len(token)
        if at < 0:
            continue
        text = " ".join(row["evidence"])
        wanted = sorted({place for group in row["supporting_sentences"] for place in group})
        near = sorted({p for place in wanted for p in range(place - 2, place + 3) if 0 <= p < len(row["evidence"])})
        passage = " ".join(row["evidence"][place] for place in near) or text[:3000]
        yield Example("wice-tokens", f"wice {text[:80]}", claim, (passage,), not spans, tuple(spans))
        if spans:  # the rest of the claim is carried
            kept = " ".join(
                t for t, bare in zip(row["claim_tokens"], row["non_supported_spans"], strict=True) if not bare
            )
            if len(kept.split()) > 5:
                yield Example("wice-tokens", f"wice {text[:80]}", tidy(kept), (passage,), True, ())


def read_wice_claims(folder: Path) -> Iterator[Example]:
    """The development part of WiCE with its pieces of evidence; the test part is for evaluation."""
    for row in _jsonl(folder / "grounding/wice/oracle_chunks/dev.jsonl"):
        yield Example(
            "wice",
            f"wice {row['meta']['id']}",
            row["claim"],
            (" ".join(row["evidence"]),),
            row["label"] == "supported",
        )


SUMMEDITS_TRAINED = ("news", "ectsum", "sales_call", "sales_email")
"""The other four domains are for evaluation."""


def read_summedits(folder: Path) -> Iterator[Example]:
    """Summaries edited so that they became inconsistent, or not; the edits are where they differ from the original."""
    for domain in SUMMEDITS_TRAINED:
        for row in json.loads((folder / f"grounding/summedits/summedits_{domain}.json").read_text("utf-8")):
            spans = () if row["label"] else changed(row["summary"], row["original_summary"])
            for claim, own in sentences_of(row["summary"], spans):
                yield Example(
                    f"summedits-{domain}",
                    f"summedits {domain} {row['doc'][:80]}",
                    claim,
                    (row["doc"],),
                    not own,
                    own,
                    answer=f"summedits {row['id']} {row['summary']}",
                )


def read_bump(folder: Path) -> Iterator[Example]:
    """Summaries of news into which people wrote one error each."""
    for row in json.loads((folder / "data/task1_dataset.json").read_text("utf-8")):
        spans = changed(row["edited_summary"], row["reference_summary"])
        for text, marked in ((row["edited_summary"], spans), (row["reference_summary"], ())):
            for claim, own in sentences_of(text, marked):
                yield Example("bump", f"news {row['article'][:60]}", claim, (row["article"],), not own, own)


def read_fool_me_twice(folder: Path) -> Iterator[Example]:
    """Claims that players wrote to fool each other, with the sentences of Wikipedia that decide them."""
    for name in ("dev", "test"):
        for row in _jsonl(folder / f"dataset/{name}.jsonl"):
            evidence = " ".join(one["text"] for one in row["gold_evidence"])
            others = [one["text"] for one in row["retrieved_evidence"][:4]]
            page = str(row.get("wikipedia_page") or "")
            yield Example(
                "fool-me-twice",
                f"fm2 {evidence[:80]}",
                row["text"],
                (f"{page}. {evidence}" if page else evidence, *others),
                row["label"] == "SUPPORTS",
            )


def read_infotabs(folder: Path) -> Iterator[Example]:
    """Sentences about infoboxes: entailed, neutral or contradicted."""
    tables: dict[str, str] = {}
    for row in _table(folder / "data/maindata/infotabs_train.tsv", "\t"):
        name = row["table_id"]
        if name not in tables:
            path = folder / f"data/tables/json/{name}.json"
            tables[name] = path.read_text("utf-8") if path.exists() else ""
        if tables[name]:
            yield Example("infotabs", f"infotabs {name}", row["hypothesis"], (tables[name],), row["label"] == "E")


def read_tabfact(folder: Path) -> Iterator[Example]:
    """Pairs of sentences about a table of which one is true."""
    pairs = json.loads((folder / "pairwise_data/all_positive_negative_pairs.json").read_text("utf-8"))
    held = set(json.loads((folder / "data/test_id.json").read_text("utf-8")))
    for name, true, false in pairs:
        path = folder / "data/all_csv" / name
        if name in held or not path.exists():
            continue
        rows = [line.split("#") for line in path.read_text("utf-8").splitlines()]
        if not 2 <= len(rows) <= 16:
            continue
        table = json.dumps([dict(zip(rows[0], row, strict=False)) for row in rows[1:]], ensure_ascii=False)
        yield Example("tabfact", f"tabfact {name}", true, (table,), True)
        yield Example("tabfact", f"tabfact {name}", false, (table,), False)


def read_fetaqa(folder: Path) -> Iterator[Example]:
    """Answers to questions about tables."""
    for name in ("dev", "test"):
        for row in _jsonl(folder / f"data/fetaQA-v1_{name}.jsonl"):
            header, *rows = row["table_array"]
            if len(rows) > 25:
                continue
            title = f"{row['table_page_title']}, {row['table_section_title']}"
            records = [{"title": title}, *(dict(zip(header, cells, strict=False)) for cells in rows)]
            yield Example(
                "fetaqa",
                f"fetaqa {title}",
                row["answer"],
                (json.dumps(records, ensure_ascii=False),),
                True,
                (),
                question=row["question"],
            )


def read_squad(path: Path) -> dict[str, list[tuple[str, list[str]]]]:
    """By paragraph, its questions and answers; none where it does not answer."""
    found: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                answers = list(dict.fromkeys(answer["text"] for answer in qa["answers"]))
                found[paragraph["context"]].append((qa["question"], answers))
    return found


def _jsonl(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _table(path: Path, delimiter: str) -> Iterator[dict[str, str]]:
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    yield from csv.DictReader(io.StringIO(path.read_text("utf-8")), delimiter=delimiter, quoting=quoting)
