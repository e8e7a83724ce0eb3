"""How dense and lexical search are best fused into one order, and whether the probability that fuses them is one.

    python benchmarks/fusion.py [--data DIR] [--work DIR] [--sets NAME,NAME] [--queries N] [--fit] [--prefix] [--maxsim]

Builds a library of each judged set as `ragstone eval run retrieval` does (once; kept below --work), searches it with
`Retriever.trace`, and ranks the candidates, the first 100 of each method, in each way. A document has the rank of its
best chunk; what nobody judged counts as not relevant. SQuAD, Chroma, COVID-QA, CLAPNQ and TAT-QA are there to choose
the weights for questions by, WiCE and FactCheck-GPT those for statements; SciFact, LIMIT and NQ-open are held out: no
weight, feature or setting is chosen on them.

Prints tables of nDCG@10 (for LIMIT also recall@2); the difference of each way from what is shipped, with Fisher's
randomization test and Holm's correction; how well calibrated the probability is; what reading fewer candidates word by
word costs; and what diversity costs. With --fit: weights of several training mixes, each judged on the training set
that it was not fitted on, and the constants for `retrieval/relevance.py`. With --prefix: the same libraries without
titles and headings before the embedded chunks. With --maxsim: late interaction over the candidates' sentences (slow).
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path

import _fusion_methods as m
import numpy as np
from _fusion_data import HELD_OUT, QUESTIONS, STATEMENTS, TRAINING, Gathered, gather, load
from _timing import table

from ragstone import Ragstone
from ragstone.app.settings import Settings
from ragstone.eval.metrics.ranking import score
from ragstone.eval.stats import Difference, compare, holm
from ragstone.retrieval.diversity import spread
from ragstone.retrieval.relevance import QUESTION, STATEMENT, Features

DATA = Path(os.environ.get("RAGSTONE_BENCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SAMPLES = Path(__file__).resolve().parents[1] / "app" / "samples"
ASKED = Path(__file__).resolve().parents[1] / "app" / "sample_questions.toml"
SENTENCES_OF = 20
"""How many hits of a query are read sentence by sentence."""
KNOWN = ("cosine", "lexical", "around", "behind")
"""What the index tells of a candidate without reading it."""
JUDGED = ("squad2", "chroma", "clapnq", *STATEMENTS)
"""To calibrate by: in COVID-QA and TAT-QA much that answers a question is not judged, and so would count as wrong."""
SHORT = {"limit-small": "limit", "nq-open": "nq", "squad2": "squad", "covid-qa": "covid"}

Values = dict[str, dict[str, list[float | None]]]
"""Way to set (with "@2" for recall) to the value of each query."""


def _named(features: Features) -> dict[str, float]:
    return dict(zip(m.FEATURES, astuple(features), strict=True))


SHIPPED = m.Kinds(*((_named(kind.weights), kind.intercept) for kind in (QUESTION, STATEMENT)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "ragstone-fusion"))
    parser.add_argument("--sets", default=",".join((*HELD_OUT, *TRAINING)))
    parser.add_argument("--queries", type=int, default=700, help="of each set at most, drawn at random")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--prefix", action="store_true")
    parser.add_argument("--maxsim", action="store_true")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    m.FIRST.append(SHIPPED)
    corpora = [load(name, args.data, args.queries) for name in args.sets.split(",")]
    settings = Settings.load({"chunk_prefix": True})
    sets = {corpus.name: gather(corpus, args.work, settings) for corpus in corpora}
    show_sets(sets)
    training = {name: sets[name] for name in TRAINING if name in sets}
    values = values_of(ways(sets, training), sets)
    show_values(values, sets)
    show_tests(values, "shipped", sets)
    show_calibration(sets)
    show_reading(sets)
    show_diversity(sets)
    show_samples()
    if args.fit:
        show_fits(training)
    if args.prefix:
        show_prefix(sets, {c.name: gather(c, args.work, Settings.load({"chunk_prefix": False})) for c in corpora})
    if args.maxsim:
        show_maxsim(sets, settings)


def ways(sets: Mapping[str, Gathered], training: Mapping[str, Gathered]) -> dict[str, dict[str, m.Method]]:
    """What is compared: way to set to method. A fit is made without the set that it ranks."""
    same: dict[str, m.Method] = {
        "shipped": partial(m.by_kind, kinds=SHIPPED),
        "dense": m.dense,
        "lexical": m.lexical,
        "RRF, k 60": m.rrf,
        "RRF, dense .4": partial(m.rrf, weight=0.4),
        "RRF, dense .6": partial(m.rrf, weight=0.6),
        **{f"min-max, dense {w}": partial(m.convex, weight=w) for w in (0.5, 0.6, 0.7)},
        **{f"z-scores, dense {w}": partial(m.z_scores, weight=w) for w in (0.5, 0.7)},
        "RM3 alone": m.rm3,
    }
    found = {way: dict.fromkeys(sets, method) for way, method in same.items()}
    for features in FITTED if len(training) > 1 else ():
        for alike in (False, True) if features == m.FEATURES else (False,):
            fits = {
                name: fitted({other: one for other, one in training.items() if other != name}, features, alike)
                for name in [*training, "held out"]
            }
            found[f"fit: {' '.join(features)}{', all queries alike' if alike else ''}"] = {
                name: partial(m.by_kind, kinds=fits.get(name, fits["held out"])) for name in sets
            }
    return found


def fitted(sets: Mapping[str, Gathered], features: Sequence[str], alike: bool = False) -> m.Kinds:
    """Weights for either kind of query, fitted on the sets of that kind; on all if there are none, or with `alike`."""
    weights = {}
    for kind in (QUESTIONS, STATEMENTS):
        of_kind = [one for name, one in sets.items() if name in kind and not alike]
        weights[kind] = m.fit(of_kind or list(sets.values()), features)
    return m.Kinds((weights[QUESTIONS], 0.0), (weights[STATEMENTS], 0.0))


FITTED = (
    m.FEATURES,
    ("cosine", "lexical"),
    *(tuple(name for name in m.FEATURES if name != left) for left in m.FEATURES),
    *((*m.FEATURES, extra) for extra in ("held", "likeness", "rocchio", "rm3")),
    (*m.FEATURES, "cosine*top", "lexical*top"),
    (*m.FEATURES, "cosine*words", "lexical*words"),
)


def values_of(found: Mapping[str, Mapping[str, m.Method]], sets: Mapping[str, Gathered]) -> Values:
    """Score each way on each set."""
    return {way: scored({n: methods[n](one) for n, one in sets.items()}, sets) for way, methods in found.items()}


def scored(scores: Mapping[str, m.Scores], sets: Mapping[str, Gathered]) -> dict[str, list[float | None]]:
    """The value of each query, by set."""
    values: dict[str, list[float | None]] = {}
    for name, one in sets.items():
        metrics = ["nDCG@10", "Recall@2"] if name == "limit-small" else ["nDCG@10"]
        of = score(m.run_of(one, scores[name]), one.corpus.qrels, metrics)
        values[name] = [of["nDCG@10"][query] for query in one.queries]
        if "Recall@2" in of:
            values[f"{name}@2"] = [of["Recall@2"][query] for query in one.queries]
    return values


def show_sets(sets: Mapping[str, Gathered]) -> None:
    """How large they are."""
    rows = [
        (n, len(one.corpus.corpus), len(one.documents), len(one.queries), f"{len(one.candidates.chunk):,}")
        for n, one in sets.items()
    ]
    head = ("set", "documents", "chunks", "queries", "candidates")
    print(f"\n{table(head, rows)}", flush=True)


def show_values(values: Values, sets: Mapping[str, Gathered]) -> None:
    """Ways by sets."""
    columns = list(values["shipped"])
    rows = []
    for way, of in values.items():
        means = {column: 100 * float(np.mean([v for v in of[column] if v is not None])) for column in columns}
        held = [means[name] for name in HELD_OUT if name in sets]
        every = [means[name] for name in sets]
        rows.append((way, *(f"{v:.1f}" for v in means.values()), *(f"{np.mean(v):.2f}" for v in (held, every) if v)))
    head = ("nDCG@10", *(SHORT.get(column, column) for column in columns), "held out", "all")
    print(f"\n{table(head, rows)}", flush=True)


def show_tests(values: Values, than: str, sets: Mapping[str, Gathered]) -> None:
    """Each way against one of them: the difference in points, * where p < .05 after Holm's correction for all."""
    pairs = [(way, name) for way in values if way != than for name in sets]
    found = [compare(values[way][name], values[than][name]) for way, name in pairs]
    adjusted = holm([one.p for one in found])
    cells = {pair: difference(one, p) for pair, one, p in zip(pairs, found, adjusted, strict=True)}
    rows = [(way, *(cells[way, name] for name in sets)) for way in values if way != than]
    head = (f"less {than}", *(SHORT.get(name, name) for name in sets))
    print(f"\n{table(head, rows)}\n\n* p < .05 after Holm's correction for these {len(pairs)} tests", flush=True)


def difference(found: Difference, p: float | None) -> str:
    """In points, with a mark when it is significant."""
    return f"{100 * (found.mean.mean or 0):+.1f}{'*' if p is not None and p < 0.05 else ''}"


def show_calibration(sets: Mapping[str, Gathered]) -> None:
    """Of the first ten documents of each query: how often those of a probability are relevant."""
    edges, rows, bins = np.linspace(0, 1, 11), [], {}
    for name, one in sets.items():
        odds, relevant = m.judged(one, m.by_kind(one, SHIPPED), 10)
        p = 1 / (1 + np.exp(-odds))
        places = np.clip(np.digitize(p, edges) - 1, 0, 9)
        counts = np.bincount(places, minlength=10)
        sure = p > 0.5
        gaps = [abs(p[places == b].mean() - relevant[places == b].mean()) * counts[b] for b in range(10) if counts[b]]
        share = f"{relevant[sure].mean():.2f} (n = {sure.sum()})" if sure.any() else "none"
        brier = float(np.mean((p - relevant) ** 2))
        means = f"{p.mean():.3f}", f"{relevant.mean():.3f}"
        rows.append((name, len(p), *means, f"{sum(gaps) / len(p):.3f}", f"{brier:.3f}", share))
        bins[name] = [f"{relevant[places == b].mean():.2f} ({counts[b]})" if counts[b] else "" for b in range(10)]
    head = ("first ten", "n", "mean probability", "relevant", "ECE", "Brier", "relevant above .5")
    print(f"\n{table(head, rows)}", flush=True)
    lines = [(f"{edges[b]:.1f} to {edges[b + 1]:.1f}", *(bins[name][b] for name in sets)) for b in range(10)]
    print(f"\n{table(('relevant (n) at', *(SHORT.get(n, n) for n in sets)), lines)}", flush=True)


def show_reading(sets: Mapping[str, Gathered]) -> None:
    """How many candidates have to be compared with the query word by word, and by what weights they are chosen."""
    own = m.Kinds(*(({name: weights[name] for name in KNOWN}, 0.0) for weights, _ in SHIPPED))
    shipped = m.Kinds(*((_named(kind.unread), 0.0) for kind in (QUESTION, STATEMENT)))
    values = {
        f"read {read}, by {which}": scored({n: m.first_read(o, SHIPPED, by, read) for n, o in sets.items()}, sets)
        for which, by in {"the final weights": own, "weights for it": shipped}.items()
        for read in (20, 30, 50, 100)
    }
    values["shipped"] = scored({n: m.by_kind(one, SHIPPED) for n, one in sets.items()}, sets)
    show_values(values, sets)
    show_tests(values, "shipped", sets)


def show_diversity(sets: Mapping[str, Gathered]) -> None:
    """Maximal marginal relevance over the 30 likeliest."""
    values = {}
    for diversity in (0.0, 0.1, 0.3, 0.5):
        scores = {n: _spread(one, diversity) for n, one in sets.items()}
        values[f"diversity {diversity}"] = scored(scores, sets)
    show_tests(values, "diversity 0.0", sets)


def _spread(one: Gathered, diversity: float) -> m.Scores:
    odds = m.by_kind(one, SHIPPED)
    scores = np.full(len(odds), -np.inf)
    for n in range(len(one.queries)):
        part = one.of(n)
        order = part.start + np.argsort(-odds[part], kind="stable")[:30]
        likely = {int(i): float(1 / (1 + np.exp(-odds[i]))) for i in order}
        vectors = {i: one.vectors[one.candidates.chunk[i]] for i in likely}
        chosen = spread(list(likely), likely, vectors, len(likely), diversity)
        scores[chosen] = -np.arange(len(chosen))
    return scores


def show_samples() -> None:
    """Whether both documents that a question needs are among the first four hits."""
    asked = [one for one in tomllib.loads(ASKED.read_text("utf-8"))["question"] if one["kind"] == "multi"]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for diversity in (0.0, 0.1, 0.3, 0.5):
            with Ragstone.open(folder, chunk_prefix=True, diversity=diversity) as rag:
                rag.ingest(SAMPLES)
                found = [{hit.chunk.document for hit in rag.search(one["text"], 4)} for one in asked]
            both = sum(_ends(f, q["document"]) and _ends(f, q["also"]) for f, q in zip(found, asked, strict=True))
            rows.append((diversity, f"{both} of {len(asked)}"))
    print(f"\n{table(('diversity', 'both documents in four hits'), rows)}", flush=True)


def _ends(found: Iterable[str], document: str) -> bool:
    return any(path.endswith(document) for path in found)


def show_fits(training: Mapping[str, Gathered]) -> None:
    """Mixes of training sets, judged on each training set by a fit without it; then the constants of the first."""
    for kind, names in {"QUESTION": QUESTIONS, "STATEMENT": STATEMENTS}.items():
        sets = {name: training[name] for name in names if name in training}
        mixes = [("all, sets alike", tuple(sets), False), ("all, queries alike", tuple(sets), True)]
        mixes += [(f"without {n}", tuple(other for other in sets if other != n), False) for n in sets]
        rows = []
        for what, mix, per_query in mixes:
            means = []
            for name, one in sets.items():
                others = [training[other] for other in mix if other != name]
                means.append(_mean(one, m.linear(one, m.fit(others, m.FEATURES, per_query))) if others else math.nan)
            weights = m.fit([training[name] for name in mix], m.FEATURES, per_query)
            rows.append((what, *(f"{v:.2f}" for v in means), f"{np.nanmean(means):.2f}", _told(weights)))
        print(f"\n{table(('fitted without it', *sets, 'mean', 'weights on all of the mix'), rows)}")
        weights = m.fit(list(sets.values()), m.FEATURES)
        # Statements are judged in two sets only, one of them by its hardest passages: questions help to calibrate them.
        judged = [one for name, one in training.items() if name in JUDGED and name in (*QUESTIONS, *names)]
        slope, intercept = m.platt(judged, weights)
        scaled = ", ".join(f"{slope * w:.2f}" for w in weights.values())
        unread = ", ".join(f"{name}={w:.2f}" for name, w in m.fit(list(sets.values()), KNOWN).items())
        print(f"\n{kind} = Relevance(Features({scaled}), {intercept:.2f}, Features({unread}))", flush=True)


def _mean(one: Gathered, scores: m.Scores) -> float:
    of = score(m.run_of(one, scores, 10), one.corpus.qrels, ["nDCG@10"])["nDCG@10"]
    return 100 * float(np.mean([v for v in of.values() if v is not None]))


def _told(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{w:.2f}" for w in weights.values())


def show_prefix(with_: Mapping[str, Gathered], without: Mapping[str, Gathered]) -> None:
    """Dense and shipped, each with and without the title and the headings before an embedded chunk."""
    for way, method in {"dense": m.dense, "shipped": partial(m.by_kind, kinds=SHIPPED)}.items():
        values = {
            f"{way}, no prefix": scored({n: method(one) for n, one in without.items()}, without),
            f"{way}, prefix": scored({n: method(one) for n, one in with_.items()}, with_),
        }
        show_values({**values, "shipped": values[f"{way}, prefix"]}, with_)
        show_tests(values, f"{way}, no prefix", with_)


def show_maxsim(sets: Mapping[str, Gathered], settings: Settings) -> None:
    """Late interaction by sentence: how like the query is the likest sentence of each of the first hits?"""
    values: Values = {}
    sentences = {
        name: m.likest_sentence(one, m.by_kind(one, SHIPPED), SENTENCES_OF, settings) for name, one in sets.items()
    }
    for weight in (0.0, 2.0, 4.0, 8.0):
        scores = {n: m.by_kind(one, SHIPPED) + weight * sentences[n] for n, one in sets.items()}
        values[f"likest sentence, weight {weight}"] = scored(scores, sets)
    show_values({**values, "shipped": values["likest sentence, weight 0.0"]}, sets)
    show_tests(values, "likest sentence, weight 0.0", sets)


if __name__ == "__main__":
    main()
