"""How fast the browser application is: first paint of a warm server, a rerun, a chat of many messages.

    python benchmarks/ui_speed.py LIBRARY [--messages 100]

LIBRARY is copied. First paint: a new browser profile opens the chat, until its heading is painted; and the same browser
again. A rerun: a click on a control of the sidebar, until its effect is on the screen.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

from ragstone.app.chats import Chats
from ragstone.retrieval.library import Library

CHROMIUM = shutil.which("chromium") or "chromium-browser"
REPEATS = 10


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
        page = browser.new_context().new_page()
        paint(page, address)  # warms the server
        rows = {"first paint, new browser": [paint(browser.new_context().new_page(), address) for _ in range(REPEATS)]}
        rows["first paint, known browser"] = [paint(page, address) for _ in range(REPEATS)]
        rows["rerun, a new chat"], work = reruns(page, server)
        chat = fill(page, folder, messages)
        long = f"{address}/?chat={chat}"
        rows[f"first paint, a chat of {messages}"] = [paint(page, long) for _ in range(REPEATS)]
        rows[f"rerun, a chat of {messages}"], long_work = reruns(page, server)
        browser.close()
    for name, times in rows.items():
        middle, worst = statistics.median(times) * 1000, max(times) * 1000
        print(f"{name:36} median {middle:6.0f} ms, slowest {worst:6.0f} ms (n = {len(times)})")
    print(f"the server's CPU for a rerun: {work * 1000:.0f} ms; in a chat of {messages}: {long_work * 1000:.0f} ms")


def paint(page: Any, address: str) -> float:
    return timed(lambda: (page.goto(address, wait_until="commit"), page.get_by_role("heading").first.wait_for()))


def reruns(page: Any, server: psutil.Process) -> tuple[list[float], float]:
    """The times of reruns until they are on the screen, and the server's CPU seconds for one."""
    before = sum(server.cpu_times()[:2])
    times = [rerun(page) for _ in range(REPEATS)]
    return times, (sum(server.cpu_times()[:2]) - before) / (2 * REPEATS)  # each of them is followed by another


def rerun(page: Any) -> float:
    """Search the chats for words that no chat holds, or no longer: the whole page is drawn anew."""
    field, told = page.get_by_label("Search chats"), page.get_by_text("No chat holds these words.")
    field.fill("xyzzy")
    took = timed(lambda: (field.press("Enter"), told.wait_for()))
    field.fill("")
    field.press("Enter")
    told.wait_for(state="detached")
    return took


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
    page.get_by_label("Search chats").wait_for()
    owner = owner_of_browser(page)
    with Library(folder) as library:
        chats = Chats(library)
        chat = chats.create(owner)
        for number in range(messages):
            chats.keep(chats.ask(chat, f"Question {number}?"), answer, "done")
    print(f"{len(json.dumps(answer)) / 1000:.0f} kB an answer")
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


def timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
