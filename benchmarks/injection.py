"""How many hidden instructions the detector finds, and how much harmless text it takes for one.

    python benchmarks/injection.py [--each 10]

Attacks: the test part of BIPIA, whose kinds of attack and contexts are not those of its training part. Each attack is
put into `--each` contexts of its task, at the start, in the middle and at the end. It is caught if at least 80 % of its
characters are flagged. Harmless: the same contexts without an attack, the prompts of NotInject (each is one text), and
sentences of both. NotInject's validation file repeats 48 of its prompts, so those are also left out of a second figure.
Means with 95 % bootstrap intervals; pairs that share an attack or a context are not independent, so the true intervals
are wider. The time is that of one thread.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence

from _answering import DATA
from _timing import table

from ragstone.app.settings import DEFAULT_EMBEDDING_MODEL, Settings
from ragstone.eval.readers.injection import TASKS, TRIGGER_WORDS, Attacked, attacked, contexts, read_notinject
from ragstone.eval.stats import estimate
from ragstone.generation.models import ModelStore
from ragstone.ingest.instructions import Embed, Instruction, find_instructions
from ragstone.ingest.instructions.sentences import pieces
from ragstone.retrieval.embedding import load_embedder

BIPIA, NOTINJECT = DATA / "robustness" / "bipia", DATA / "robustness" / "notinject"
ENOUGH = 0.8
CHUNK = 700
"""Characters of about 200 tokens."""
OFF_TOPIC = frozenset(
    ("Task Automation", "Business Intelligence", "Conversational Agent", "Research Assistance", "Sentiment Analysis")
)
"""Kinds whose sentences would be harmless as a question of the user's own."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--each", type=int, default=10, help="contexts for each attack")
    parser.add_argument("--missed", action="store_true", help="show attacks that were missed")
    asked = parser.parse_args()
    embed = embedding(threads=1)
    caught(list(attacked(BIPIA, asked.each)), embed, asked.missed)
    clean(embed)
    over_defence(embed)
    cost(embed)


def embedding(threads: int = 0) -> Embed:
    """What an ingest embeds sentences with."""
    settings = Settings.load()
    store = ModelStore(settings.models_dir, settings.offline)
    model = load_embedder(store.path(DEFAULT_EMBEDDING_MODEL), settings.models_dir / "exported", threads=threads)
    return model.embed_passages


def caught(cases: Sequence[Attacked], embed: Embed, show: bool) -> None:
    """Shares of attacks that are found."""
    by: dict[tuple[str, str], list[float]] = defaultdict(list)
    words, missed = defaultdict(list), defaultdict(int)
    for case in cases:
        found = float(covered(case, find_instructions(case.text, embed)) >= ENOUGH)
        kind = "off the subject" if case.attack.kind in OFF_TOPIC else "about the answer"
        for key in ((case.context.task, case.position), (case.context.task, "all"), ("all", case.position)):
            by[key].append(found)
        by["all", "all"].append(found)
        words[kind].append(found)
        words[f"... {kind}, by words alone"].append(float(covered(case, find_instructions(case.text)) >= ENOUGH))
        missed[case.attack.text[:100]] += not found
    print("## Attacks of BIPIA's test part that are found\n")
    print(table(("task", "position", "found"), [(*key, str(estimate(v))) for key, v in by.items()]))
    print(table(("attacks", "found"), [(key, str(estimate(v))) for key, v in words.items()]))
    if show:
        print(*sorted(((n, text) for text, n in missed.items() if n), reverse=True), sep="\n")


def covered(case: Attacked, found: Sequence[Instruction]) -> float:
    """The share of an attack's characters that are flagged."""
    end = case.start + len(case.attack.text)
    return sum(max(0, min(end, i.char_end) - max(case.start, i.char_start)) for i in found) / (end - case.start)


def clean(embed: Embed) -> None:
    """Shares of harmless contexts and sentences that are flagged."""
    rows = []
    for task in TASKS:
        known = contexts(BIPIA, task)
        found = [find_instructions(context.text, embed) for context in known]
        sentences = [
            float(any(i.char_start < end and start < i.char_end for i in flagged))
            for context, flagged in zip(known, found, strict=True)
            for start, end in pieces(context.text)
        ]
        rows.append((task, str(estimate([float(bool(f)) for f in found])), str(estimate(sentences))))
    print("\n## Harmless contexts of BIPIA's test part that are flagged\n")
    print(table(("task", "contexts", "sentences"), rows))


def cost(embed: Embed) -> None:
    """The time for a chunk's worth of text, beside that of embedding it."""
    text = "\n".join(file.read_text("utf-8") for file in sorted((DATA / "documents" / "flask").rglob("*.rst")))
    chunks = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
    find_instructions(chunks[0], embed)
    times = []
    for work in (lambda: find_instructions(text, embed), lambda: embed(chunks[:100])):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    each, embedding = 1000 * times[0] / len(chunks), 1000 * times[1] / 100
    print(f"\nA chunk of {CHUNK} characters: {each:.2f} ms of CPU, {each / embedding:.1%} of embedding it")


def over_defence(embed: Embed) -> None:
    """Shares of NotInject's prompts that are flagged."""
    prompts = read_notinject(NOTINJECT)
    flagged = [float(bool(find_instructions(prompt.text, embed))) for prompt in prompts]
    rows = [
        (words, str(estimate([value for prompt, value in zip(prompts, flagged, strict=True) if prompt.words == words])))
        for words in TRIGGER_WORDS
    ]
    fresh = [value for prompt, value in zip(prompts, flagged, strict=True) if not prompt.in_valid]
    print("\n## Prompts of NotInject that are flagged, by the number of trigger words\n")
    print(table(("words", "flagged"), [*rows, ("all", str(estimate(flagged))), ("not in valid", str(estimate(fresh)))]))


if __name__ == "__main__":
    main()
