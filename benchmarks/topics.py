"""At what cosine distance do questions part into topics? For `APART` of `app/monitor_report.py`.

    python benchmarks/topics.py --data FOLDER [--trials N]

Questions: SQuAD 2.0 dev, six of each of twelve articles a trial; the article is the topic. Prints the adjusted Rand
index, homogeneity, completeness and V-measure (Rosenberg and Hirschberg, EMNLP 2007), means over the trials, and how
many topics were found of the twelve.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score, homogeneity_completeness_v_measure

from ragstone.app.settings import DEFAULT_EMBEDDING_MODEL, Settings
from ragstone.eval.suites.registry import chosen_sets
from ragstone.generation.models import ModelStore
from ragstone.retrieval.embedding import load_embedder

DISTANCES = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85)
TOPICS, QUESTIONS = 12, 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of sets")
    parser.add_argument("--trials", type=int, default=8)
    args = parser.parse_args()
    settings = Settings.load()
    model = ModelStore(settings.models_dir, settings.offline).path(DEFAULT_EMBEDDING_MODEL)
    embedder = load_embedder(model, settings.models_dir / "exported", runtime="openvino", threads=settings.threads)
    [(_, squad)] = chosen_sets(["questions/squad2"])
    articles: dict[str, list[str]] = {}
    for question in squad.load(args.data).questions:
        articles.setdefault(question.source or question.group, []).append(question.question)
    draws, found = random.Random(0), []
    for _ in range(args.trials):
        items = [
            (text, name)
            for name in draws.sample(sorted(articles), TOPICS)
            for text in draws.sample(articles[name], QUESTIONS)
        ]
        topics = [name for _, name in items]
        tree = linkage(np.stack([embedder.embed_query(text) for text, _ in items]), "average", metric="cosine")
        labels = [fcluster(tree, distance, "distance") for distance in DISTANCES]
        found.append(
            [
                (adjusted_rand_score(topics, of), *homogeneity_completeness_v_measure(topics, of), of.max())
                for of in labels
            ]
        )
    print("distance  ARI  homogeneity  completeness  V-measure  topics")
    for distance, row in zip(DISTANCES, np.mean(found, axis=0), strict=True):
        print(f"{distance:.2f}  " + "  ".join(f"{value:.3f}" for value in row))


if __name__ == "__main__":
    main()
