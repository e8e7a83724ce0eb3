"""Ragstone inside another program: what a developer who embeds it may do, and what is refused."""

from pathlib import Path

import pytest

from ragstone.app.engine import Ragstone
from ragstone.app.settings import Settings


@pytest.mark.parametrize("settings", [None, Settings()])
def test_a_library_in_the_home_folder_is_opened_there(
    settings: Settings | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with Ragstone.open("~/mine", settings=settings) as rag:
        assert rag.library.folder == tmp_path / "home" / "mine"
    assert not (tmp_path / "~").exists()
