"""Writes docs/results.md from the folders of runs: python scripts/write_results_page.py RUN... > docs/results.md"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ragstone.eval.run_sets import as_estimate
from ragstone.eval.runs import RunFolder
from ragstone.eval.suites.judges import JUDGES
from ragstone.eval.suites.registry import SUITES

HEAD = """# Results

The default configuration on the suites of `ragstone eval list`, written by
`python scripts/write_results_page.py RUN... > docs/results.md` from runs of

{commands}

Means with their 95 % bootstrap intervals over sources; n are the items that were scored. Samples are drawn by seed
{seed}: figures of few items say little, and their intervals say so; of fewer than six sources they are
unknown. What each figure is:
[evaluation.md](evaluation.md). Seconds are those of the run that made the outputs.{note}

| | |
| --- | --- |
{about}
"""


def main() -> None:
    """Write the page to stdout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--note", default="", help="what a reader should know of the circumstances")
    args = parser.parse_args()
    runs = [RunFolder(path) for path in args.runs]
    manifests = [run.manifest for run in runs]
    first = manifests[0]
    about = {
        "chat model": first["subject"]["name"],
        "embedding model": first["subject"].get("settings", {}).get("embedding_model", ""),
        "processor": "{cpu}, {cores} cores, {memory_mb} MB".format(**first["hardware"]),
        "Ragstone": f"{first['ragstone']}, code {first['code'][:12]}",
        "packages": ", ".join(f"{name} {version}" for name, version in first["packages"].items()),
        "most memory": f"{max(one['peak_memory_mb'] for one in manifests):,} MB",
    }
    print(
        HEAD.format(
            commands="\n".join(f"    {_command(one)}" for one in manifests),
            seed=first["seed"],
            note=f" {args.note}" if args.note else "",
            about="\n".join(f"| {name} | {value} |" for name, value in about.items()),
        )
    )
    print("\n".join(line for run in runs for unit in run.summary["units"] for line in _unit(unit, run.manifest)))


def _command(manifest: dict[str, Any]) -> str:
    names: dict[str, None] = {}
    for unit in manifest["units"]:
        suite = SUITES.get(unit["suite"])
        run = [other["name"] for other in manifest["units"] if other["suite"] == unit["suite"]]
        whole = suite is not None and len(run) >= len(suite.sets)
        names |= dict.fromkeys([unit["suite"]] if whole else run)
    limit = f" --limit {manifest['limit']}" if manifest["limit"] else ""
    kinds = [judge["name"].partition(":")[0] for judge in manifest["judges"]]
    judges = "".join(f" --judge {'local' if kind == 'judge' else kind}" for kind in kinds)
    return f"ragstone eval run {' '.join(names)}{judges}{limit} --seed {manifest['seed']}"


def _unit(unit: dict[str, Any], manifest: dict[str, Any]) -> Iterator[str]:
    # That suite is about the judge, and run with several of them.
    judge = f": {manifest['judges'][0]['name']}" if unit["suite"] == JUDGES.name else ""
    seconds = unit["seconds"]
    took = f"{seconds['mean']:.2f} s an item, {seconds['mean'] * seconds['n'] / 60:.1f} minutes" if seconds["n"] else ""
    failed = f", {unit['failed']} failed" if unit["failed"] else ""
    yield f"## {unit['name']}{judge}\n"
    yield f"{unit['n']} items{failed}; {took}.\n"
    yield "| | mean [95 %] | n | unscored |\n| --- | --- | ---: | ---: |"
    figures = dict(unit["metrics"])
    figures |= {f"{judge}: {name}": value for judge, of in unit["judged"].items() for name, value in of.items()}
    figures |= {name: value for name, value in unit["times"].items() if value["n"]}
    for name, value in figures.items():
        if value["n"] or value["n_unscored"]:
            yield f"| {name} | {_spread(value)} | {as_estimate(value).count} | {value['n_unscored'] or ''} |"
    for figure in unit["published"]:
        group = "" if figure["group"] == "all" else f" ({figure['group']})"
        yield f"| published: {figure['metric']}{group}, {figure['system']} | {figure['value'] / 100:.3f} | | |"
    yield ""


def _spread(value: dict[str, Any]) -> str:
    return as_estimate(value).spread(",.3f" if abs(value["mean"] or 0) < 10 else ",.1f")


if __name__ == "__main__":
    main()
