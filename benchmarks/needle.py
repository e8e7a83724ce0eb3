"""Whether a model finds one sentence wherever it stands in a long context.

    python benchmarks/needle.py [--model M] [--tokens 1000,2000,4000] [--needles N] [--kv-type T] [--rope R]

After Kamradt, "Needle in a Haystack", 2023: a sentence with a made-up number stands at the beginning, at a quarter ...
at the end of passages of NQ-open, and the model is asked for the number. The table has the share of needles found; the
rows are lengths of the prompt, the columns places.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from _answering import read_nq
from _timing import table

from ragstone.app.settings import Settings
from ragstone.generation.llama import LlamaModel
from ragstone.generation.models import ModelStore
from ragstone.generation.sampling import Message, Sampling

PLACES = (0.0, 0.25, 0.5, 0.75, 1.0)
SHIPS = ("Albatross", "Borealis", "Cormorant", "Dorado", "Eider", "Fulmar", "Gannet", "Heron")


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="by default the one of the settings")
    parser.add_argument("--tokens", default="1000,2000,4000", help="lengths of the prompt")
    parser.add_argument("--needles", type=int, default=4, help="questions for each length and place")
    parser.add_argument("--kv-type", choices=("f16", "q8_0", "q4_0"), default="f16")
    parser.add_argument("--rope", choices=("none", "linear", "yarn"), default="none")
    args = parser.parse_args()
    settings, lengths = Settings.load({"model": args.model}), [int(part) for part in args.tokens.split(",")]
    path = ModelStore(settings.models_dir, settings.offline).path(settings.model)
    texts = [row["ctxs"][0]["text"] for row in read_nq()[0]]
    options = {"context_tokens": max(lengths) + 256, "parallel": 1, "kv_type": args.kv_type, "rope": args.rope}
    cells = []
    with LlamaModel(path, **options) as model:
        for length in lengths:
            row = [str(length)]
            for place in PLACES:
                found = [asked(model, texts, length, place, number) for number in range(args.needles)]
                row.append(f"{sum(found)} of {len(found)}")
            cells.append(row)
            print(f"{length} tokens done", flush=True)
    print(table([f"{Path(path).stem}, tokens", *(f"at {place:.0%}" for place in PLACES)], cells))


def asked(model: LlamaModel, texts: list[str], length: int, place: float, number: int) -> bool:
    """Whether the model finds one needle."""
    drawn = random.Random(f"{length} {place} {number}")
    ship, code = SHIPS[number % len(SHIPS)], str(drawn.randrange(10_000, 99_999))
    needle = f"The locker code of the ship {ship} is {code}."
    question = f"What is the locker code of the ship {ship}? Write only the number."
    passages = drawn.sample(texts, 400)
    count = next(n for n in range(1, 400) if model.count(messages(passages[:n], needle, 0, question)) > length) - 1
    at = round(place * count)
    return code in "".join(model.generate(messages(passages[:count], needle, at, question), Sampling(max_tokens=16)))


def messages(passages: list[str], needle: str, at: int, question: str) -> list[Message]:
    """The prompt with the needle before the passage `at`."""
    listed = "\n\n".join([*passages[:at], needle, *passages[at:]])
    return [
        {"role": "system", "content": "Answer from the text."},
        {"role": "user", "content": f"{listed}\n\nQuestion: {question}"},
    ]


if __name__ == "__main__":
    main()
