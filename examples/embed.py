"""Ragstone inside another program: ingest a folder, search, ask, verify a text of one's own.

python examples/embed.py FOLDER QUESTION
"""

import sys
import tempfile
from pathlib import Path

from ragstone import Ragstone, verify


def main(folder: str, question: str) -> None:
    with tempfile.TemporaryDirectory() as work, Ragstone.open(Path(work, "library")) as rag:
        report = rag.ingest(folder)
        print(f"{report.added} files, {report.chunks} chunks")

        for hit in rag.search(question, k=3):
            print(f"{hit.rank}. {hit.chunk.document} (page {hit.chunk.page})")

        for event in rag.ask_stream(question):
            if event.kind == "token":
                print(event.text, end="", flush=True)
            elif event.answer is not None:
                answer = event.answer
        print()
        print("abstained" if answer.abstained else f"support {answer.support}")
        for citation in answer.citations:
            print(f'[{citation.n}] {citation.document}: "{citation.quote}"')

    # The check alone needs neither library nor model.
    checked = verify("The pump was replaced in 2021.", ["The pump was replaced in 2019."])
    print(f"verify: {checked.sentences[0].verdict}")


if __name__ == "__main__":
    main(*sys.argv[1:])
