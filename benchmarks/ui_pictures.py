"""The pictures of `docs/ui.md`: a chat with an opened source, the library, and a phone in the dark.

    python benchmarks/ui_pictures.py LIBRARY docs/images

LIBRARY, which holds the samples, is copied. The answer is that of the model in the settings; those in the repository
were made with RAGSTONE_MODEL=smollm2-135m, RAGSTONE_HITS=1 and RAGSTONE_MIN_CONFIDENCE=0. Look at each picture before
it is committed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from ui_speed import CHROMIUM, wait_for

from ragstone.retrieval.library import Library
from ragstone.retrieval.tags import tag

QUESTION = "How is equipment locked out with padlock and tag?"
TAGS = {"safety-manual.pdf": ["training", "urgent"], "member-bylaws.docx": ["to review"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("pictures", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ragstone-") as work:
        folder = Path(work) / "library"
        shutil.copytree(arguments.library, folder)
        with Library(folder) as library:
            for document in library.documents():
                if tags := TAGS.get(Path(document.path).name):
                    tag(library, [document.id], *tags)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "ragstone", "ui", "--library", "library", "--port", str(port)]
        server = subprocess.Popen(command, env=os.environ | {"RAGSTONE_OFFLINE": "1"}, cwd=work)
        try:
            wait_for(port)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                take(browser, f"http://localhost:{port}", arguments.pictures)
        finally:
            server.terminate()
            server.wait()


def take(browser: Any, url: str, folder: Path) -> None:
    """Take the pictures, each in a window of the width that it is to show."""
    chat = opened(browser, f"{url}/", 1280, 1180)
    ask(chat)
    chat.locator("button.chip").nth(1).click()
    chat.locator("[data-testid=stImage] img").wait_for()
    picture(chat, folder / "ui-chat.png")
    library = opened(browser, f"{url}/library", 820, 1200)
    library.get_by_test_id("stDataFrame").wait_for()
    picture(library, folder / "ui-library.png")
    phone = opened(browser, f"{url}/", 390, 844, color_scheme="dark")
    ask(phone)
    phone.locator("article .mark").nth(1).focus()
    picture(phone, folder / "ui-phone.png")


def opened(browser: Any, address: str, width: int, height: int, **options: Any) -> Page:
    page: Page = browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.get_by_role("heading").first.wait_for()
    return page


def ask(page: Page) -> None:
    page.get_by_placeholder("Ask a question").fill(QUESTION)
    page.get_by_placeholder("Ask a question").press("Enter")
    page.get_by_role("button", name="Ask again").wait_for()


def picture(page: Page, file: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # panels grow, and the table is a canvas: nothing in it can be waited for
    page.screenshot(path=file)
    with Image.open(file) as whole:
        whole.convert("RGB").quantize(128).save(file, optimize=True)  # a third of the size


if __name__ == "__main__":
    main()
