"""What axe-core finds on every page of the browser application, light and dark.

    npm install --no-save --ignore-scripts --prefix DIR axe-core@4.14.1
    python benchmarks/ui_accessibility.py LIBRARY DIR/node_modules/axe-core/axe.min.js [--runs RUNS]

LIBRARY is copied, the sample questions lie beside it, and the question that is asked is monitored. RUNS is a folder of
`ragstone eval run`, shown on the page of evaluation. What breaks WCAG 2.2, A and AA, is printed by rule, with the
elements; the exit code is 1 if anything does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright
from ui_speed import CHROMIUM, wait_for

PAGES = {
    "": "Ask your documents",
    "search?q=battery": "Search",
    "library": "Library",
    "models": "Models",
    "evaluation": "Evaluation",
    "use": "Use",
    "questions": "Questions",
    "feedback": "Feedback",
}
"""Each page's address and heading."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SAMPLE_QUESTIONS = Path(__file__).resolve().parents[1] / "examples" / "sample-questions.csv"
QUESTION = "How is equipment locked out with padlock and tag?"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("axe", type=Path, help="axe.min.js")
    parser.add_argument("--runs", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(arguments.library, Path(work) / "library")
        if arguments.runs:
            shutil.copytree(arguments.runs, Path(work) / "ragstone-runs")
        shutil.copy(SAMPLE_QUESTIONS, work)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "ragstone", "ui", "--library", "library", "--port", str(port)]
        settings = {"RAGSTONE_OFFLINE": "1", "RAGSTONE_MONITOR": "text"}
        server = subprocess.Popen(command, env=os.environ | settings, cwd=work, stdout=subprocess.DEVNULL)
        try:
            wait_for(port)
            return report(list(checked(f"http://localhost:{port}", arguments.axe.read_text("utf-8"))))
        finally:
            server.terminate()
            server.wait()


def checked(url: str, axe: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The name of a page, light or dark, and each violation of a rule there."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_context(color_scheme=scheme).new_page()
            page.set_default_timeout(60_000)
            for address, heading in PAGES.items():
                page.goto(f"{url}/{address}")
                expect(page.get_by_role("heading", name=heading).first).to_be_visible(timeout=120_000)
                opened(page, address)
                page.evaluate(f"{axe};0")
                found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
                print(f"{heading}, {scheme}: {len(found['violations'])} rules broken", flush=True)
                for violation in found["violations"]:
                    yield heading, scheme, violation
            page.context.close()


def opened(page: Page, address: str) -> None:
    """What a page shows only when it is asked to."""
    if address == "":
        page.get_by_placeholder("Ask a question").fill(QUESTION)
        page.get_by_placeholder("Ask a question").press("Enter")
        page.get_by_role("button", name="Ask again").wait_for()
        page.locator("button.chip").first.click()
        page.locator("[data-testid=stImage] img").wait_for()
    elif address.startswith("search"):
        page.get_by_text("In its place").first.wait_for()
    elif address == "evaluation":
        page.locator("[data-testid=stVegaLiteChart] svg").first.wait_for()
        page.get_by_text("As a table").first.wait_for()
    page.wait_for_load_state("networkidle")


def report(found: list[tuple[str, str, dict[str, Any]]]) -> int:
    """Print what was found; 1 if there is something."""
    counts: Counter[tuple[str, str, str]] = Counter()
    where: dict[tuple[str, str, str], set[str]] = {}
    for page, scheme, violation in found:
        for node in violation["nodes"]:
            key = (violation["id"], violation["impact"], " ".join(map(str, node["target"])))
            counts[key] += 1
            where.setdefault(key, set()).add(f"{page} {scheme}")
            node_html = node["html"][:200]
            print(f"{violation['id']} ({violation['impact']}) on {page}, {scheme}: {key[2]}\n    {node_html}")
            print(f"    {node.get('failureSummary', '').splitlines()[-1].strip()}")
    rules = Counter(rule for rule, _, _ in counts)
    for rule, count in rules.most_common():
        pages = sorted({one for key, of in where.items() if key[0] == rule for one in of})
        print(f"{rule}: {count} elements on {', '.join(pages)}")
    print(f"{len(counts)} elements")
    return int(bool(counts))


if __name__ == "__main__":
    sys.exit(main())
