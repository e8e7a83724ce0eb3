"""How fast the browser application is: first paint of a warm server, a rerun, a chat of many messages.

    python benchmarks/ui_speed.py LIBRARY [--messages 100]

LIBRARY is copied. A visit: a new browser profile opens the chat, and then the same browser again; FCP and LCP are the
browser's own (w3c.github.io/paint-timing, w3c.github.io/largest-contentful-paint), from the start of the navigation. A
rerun: a chat gets another title, for which the whole page is drawn anew, until it stands in the heading. A search among
the chats draws only their list.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

from ragstone.app.chats import Chats
from ragstone.retrieval.library import Library

CHROMIUM = shutil.which("chromium") or "chromium-browser"
REPEATS = 10
_OBSERVED = """
window.painted = {};
for (const type of ["paint", "largest-contentful-paint"]) {
  new PerformanceObserver(list => {
    for (const one of list.getEntries()) if (one.name !== "first-paint") painted[one.name || "lcp"] = one.startTime;
  }).observe({type, buffered: true});
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--messages", type=int, default=100, help="of the long chat")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "library"
        shutil.copytree(arguments.library, folder)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "ragstone", "ui", "--library", str(folder), "--port", str(port)]
        server = subprocess.Popen(command, env=os.environ | {"RAGSTONE_OFFLINE": "1"}, stdout=subprocess.DEVNULL)
        try:
            wait_for(port)
            measure(f"http://localhost:{port}", folder, arguments.messages, psutil.Process(server.pid))
        finally:
            server.terminate()
            server.wait()


def wait_for(port: int) -> None:
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


def measure(address: str, folder: Path, messages: int, server: psutil.Process) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = new_page(browser)
        visit(page, address, server)  # warms the server
        tell("a new browser", [visit(new_page(browser), address, server) for _ in range(REPEATS)])
        tell("a known browser", [visit(page, address, server) for _ in range(REPEATS)])
        for count, name in ((0, "a new chat"), (messages, f"a chat of {messages}")):
            chat = f"{address}/?chat={fill(page, folder, count)}"
            tell(name, [visit(page, chat, server) for _ in range(REPEATS)])
            page.get_by_text("This chat").click()
            page.get_by_label("Title").wait_for()
            tell(name, [renamed(page, number, server) for number in range(REPEATS)])
            tell(name, [searched(page, server) for _ in range(REPEATS)])
        browser.close()


def new_page(browser: Any) -> Any:
    page = browser.new_context().new_page()
    page.add_init_script(_OBSERVED)
    return page


def tell(name: str, measured: list[dict[str, float]]) -> None:
    """Print each of the figures, all of them milliseconds; of CPU, which the system counts in steps of 10, the mean."""
    for what in measured[0]:
        times = [one[what] for one in measured]
        middle = ("mean  ", statistics.mean(times)) if "CPU" in what else ("median", statistics.median(times))
        spread = f"{middle[0]} {middle[1]:6.0f}, least {min(times):6.0f}, most {max(times):6.0f}"
        print(f"{name + ': ' + what:44} {spread} ms (n = {len(times)})", flush=True)


def visit(page: Any, address: str, server: psutil.Process) -> dict[str, float]:
    """Until the heading is there, until one can ask, and what the browser says of its paints."""
    before = cpu(server)
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.get_by_role("heading").first.wait_for()
    heading = since(started)
    page.locator("textarea:enabled[placeholder='Ask a question']").wait_for()
    usable = since(started)
    page.wait_for_timeout(300)
    painted = page.evaluate("painted")
    paints = {"FCP": painted["first-contentful-paint"], "LCP": painted["lcp"]}
    return paints | {"heading": heading, "usable": usable, "server's CPU": cpu(server) - before}


def renamed(page: Any, number: int, server: psutil.Process) -> dict[str, float]:
    """Until a new title of the open chat stands in its heading."""
    field, title = page.get_by_label("Title"), f"Title {number} {time.monotonic_ns()}"
    field.fill(title)
    before, started = cpu(server), time.perf_counter()
    field.press("Enter")
    page.get_by_role("heading", name=title).wait_for()
    took = since(started)
    page.wait_for_timeout(300)
    return {"rerun": took, "rerun, server's CPU": cpu(server) - before}


def searched(page: Any, server: psutil.Process) -> dict[str, float]:
    """Until a search for words that no chat holds has said so."""
    field, told = page.get_by_label("Search chats"), page.get_by_text("No chat holds these words.")
    field.fill("xyzzy")
    before, started = cpu(server), time.perf_counter()
    field.press("Enter")
    told.wait_for()
    took = since(started)
    page.wait_for_timeout(300)
    work = cpu(server) - before
    field.fill("")
    field.press("Enter")
    told.wait_for(state="detached")
    page.wait_for_timeout(300)
    return {"search": took, "search, server's CPU": work}


def cpu(process: psutil.Process) -> float:
    """Milliseconds that it has used so far."""
    return float(sum(process.cpu_times()[:2])) * 1000


def since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def fill(page: Any, folder: Path, messages: int) -> str:
    """A chat of made-up messages for this browser's owner; each answer as large as real ones."""
    hits = [hit(rank) for rank in range(1, 5)]
    answer = {
        "question": "q", "query": "q", "answer": "It cost EUR 900 [1]. " * 5, "abstained": False, "confidence": 0.9,
        "signals": {}, "support": 0.9, "removed": [], "model": "m", "prompts": [], "reasoning": "", "given": [1],
        "timings_ms": {"total": 1.0}, "tokens": {}, "hits": hits, "dropped": [hit(rank) for rank in range(5, 30)],
        "citations": [quote() | {"title": "", "page": 1, "rects": []}],
        "sentences": [
            {
                "text": "It cost EUR 900 [1].", "citations": [1], "support": 0.9, "verdict": "supported",
                "start": 21 * i, "end": 21 * i + 20, "evidence": quote(), "unsupported": [],
            }
            for i in range(5)
        ],
    }  # fmt: skip
    page.get_by_role("heading").first.wait_for()
    owner = owner_of_browser(page)
    with Library(folder) as library:
        chats = Chats(library)
        chat = chats.create(owner)
        for number in range(messages):
            chats.keep(chats.ask(chat, f"Question {number}?"), answer, "done")
    return chat.id


def owner_of_browser(page: Any) -> str:
    from ragstone.app.ui.guard import owner_of

    owner = owner_of({cookie["name"]: cookie["value"] for cookie in page.context.cookies()})
    assert owner is not None
    return owner


def hit(rank: int) -> dict[str, Any]:
    at = {"document": "docs/a.pdf", "document_id": 1, "page": 1, "char_start": 0, "char_end": 900, "heading": "A"}
    scores = {"probability": 0.5, "similarity": 0.4, "bm25": 7.0, "features": None, "also_in": [], "instructions": []}
    return (
        {"rank": rank, "score": 0.5, "chunk_id": rank, "text": "word " * 180, "ranks": {"dense": 1, "lexical": 2}}
        | at
        | scores
    )


def quote() -> dict[str, Any]:
    at = {"document": "docs/a.pdf", "document_id": 1, "chunk_id": 1, "char_start": 0, "char_end": 40}
    return at | {"n": 1, "quote": "The pump cost EUR 900 in the year 2020."}


if __name__ == "__main__":
    main()
