"""How foreign a request has to be to the text around it: what thresholds of the cosine find and flag.

    python training/injection_topic.py

Off-topic requests are those of BIPIA's training attacks, each put into twelve e-mails and twelve tables of its training
part. Harmless requests are those that stand in documents that the training of the weights does not read: half of
Flask's manual, docling's Markdown, our samples; and in BIPIA's training e-mails and tables and the papers of COVID-QA,
which it does read.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from _injection_data import BIPIA, DATA, OFF_TOPIC, ROOT, _json, _lines, bipia_context, held_out

from ragstone.app.settings import DEFAULT_EMBEDDING_MODEL, Settings
from ragstone.generation.models import ModelStore
from ragstone.ingest.instructions import embed_cut
from ragstone.ingest.instructions.features import tokens
from ragstone.ingest.instructions.rows import expected
from ragstone.ingest.instructions.sentences import pieces, plain
from ragstone.ingest.instructions.topic import REQUEST_LENGTH, is_request, surroundings
from ragstone.retrieval.embedding import load_embedder

THRESHOLDS = (0.05, 0.1, 0.15, 0.18, 0.2, 0.25)
Pair = tuple[str, str]
"""A request, and what stands around it."""


def main() -> None:
    """Measure both kinds and print."""
    settings = Settings.load()
    store = ModelStore(settings.models_dir, settings.offline)
    model = load_embedder(store.path(DEFAULT_EMBEDDING_MODEL), settings.models_dir / "exported")
    texts = documents()
    harmless = [pair for text in texts for pair in requests(text)]
    foreign = off_topic()
    for name, pairs in ((f"harmless, of {len(texts)} documents", harmless), ("off the subject", foreign)):
        ones = embed_cut(model, [request[:REQUEST_LENGTH] for request, _ in pairs])
        cosines: npt.NDArray[np.float32] = (ones * embed_cut(model, [around for _, around in pairs])).sum(axis=1)
        shares = ", ".join(f"{np.mean(cosines < t):.3f} below {t}" for t in THRESHOLDS)
        print(f"{name}: {len(pairs)} requests, {shares}")


def requests(text: str) -> list[Pair]:
    """The requests of a text that can be compared with what stands around them."""
    found, own = [], expected(text)
    for start, end in pieces(text):
        piece, around = plain(text[start:end]), surroundings(text, start, end)
        if around and start not in own and is_request(piece, tokens(piece), text, start):
            found.append((text[start:end], around))
    return found


def off_topic() -> list[Pair]:
    """BIPIA's off-topic training attacks in its training contexts."""
    drawing, pairs = random.Random(0), []
    kinds = json.loads((BIPIA / "text_attack_train.json").read_text("utf-8"))
    for task in ("email", "table"):
        known = [bipia_context(row) for row in _lines(BIPIA / task / "train.jsonl")]
        for attack in (text for kind in OFF_TOPIC for text in kinds[kind]):
            for context in drawing.sample(known, 12):
                at = drawing.choice([*(start for start, _ in pieces(context)), len(context)])
                text = f"{context[:at]}\n{attack}\n{context[at:]}"
                pairs.append((attack, surroundings(text, at + 1, at + 1 + len(attack))))
    return pairs


def documents() -> Sequence[str]:
    """Harmless texts."""
    files = [f for f in (DATA / "documents" / "flask").rglob("*.rst") if held_out(f.name)]
    files += (DATA / "documents" / "docling").rglob("*.md")
    files += [f for f in (ROOT / "app" / "samples").rglob("*") if f.suffix in (".md", ".txt", ".html", ".csv")]
    texts = [file.read_text("utf-8", "replace") for file in sorted(files)]
    texts += [bipia_context(row) for task in ("email", "table") for row in _lines(BIPIA / task / "train.jsonl")]
    papers = _json(DATA / "qa" / "covid_qa" / "question-answering" / "200423_covidQA.json")["data"]
    return [*texts, *(paragraph["context"] for paper in papers for paragraph in paper["paragraphs"])]


if __name__ == "__main__":
    main()
