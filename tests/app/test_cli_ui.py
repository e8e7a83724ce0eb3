import socket
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.cli.ui import _password


@pytest.mark.parametrize("options", [["--address", "0.0.0.0"], ["--address", "192.0.2.1"]])
def test_other_machines_are_not_served_without_a_password(ragstone_cli: Any, options: list[str]) -> None:
    done = ragstone_cli("ui", *options)
    assert done.code == 2
    assert "--password-env" in done.error
    assert "--no-password" in done.error


def test_an_empty_or_missing_password_is_refused(ragstone_cli: Any, tmp_path: Path) -> None:
    assert "the password is empty" in ragstone_cli("ui", "--password-env", "NOT_SET_ANYWHERE").error
    assert "cannot be read" in ragstone_cli("ui", "--password-file", tmp_path / "none").error


def test_the_mark_that_windows_puts_before_utf_8_is_no_part_of_a_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xef\xbb\xbfopen sesame\r\n")
    assert _password(None, tmp_path / "password") == "open sesame"


def test_a_port_in_use_is_one_line_with_the_remedy(ragstone_cli: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = ragstone_cli("ui", "--port", str(taken.getsockname()[1]))
    assert done.code == 2
    assert "Choose another with --port" in done.error
