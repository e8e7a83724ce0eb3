"""What the verifier says of claims about passages in other languages than English.

    python benchmarks/languages.py

`languages.toml` has passages in German, French and Spanish, and of each claims that are true and false, pair by pair,
in that language and in English. Shown is the share of claims that are called supported, unsupported and unscored, with
its 95 % interval.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

from _timing import table

from ragstone.eval.stats import estimate
from ragstone.generation.grounding import verify

CLAIMS = {
    "true, in the passage's language": "true",
    "false, in the passage's language": "false",
    "true, in English": "english_true",
    "false, in English": "english_false",
}
VERDICTS = ("supported", "unsupported", "unscored")


def main() -> None:
    """Check the claims, and print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sets = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["set"]
    rows = []
    for name, key in CLAIMS.items():
        told = [verify(claim, of["passages"]).sentences[0].verdict for of in sets for claim in of[key]]
        shares = [estimate([float(verdict == each) for verdict in told]) for each in VERDICTS]
        rows.append([name, len(told), *shares])
    print(table(("claims", "n", *VERDICTS), rows))


if __name__ == "__main__":
    main()
