"""Who is told of a night: a command, a webhook and a mail server that are really there."""

import json
import os
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ragstone.app.nightly_config import Mail, Notify
from ragstone.app.notifying import notify
from ragstone.app.scheduling import Schedule, install_cron, remove_cron
from ragstone.eval.report.data import Report


class Serving:
    """A server in a thread, and what it was sent."""

    def __init__(self, kind: type[socketserver.TCPServer], handler: Any) -> None:
        self.sent: list[Any] = []
        bound = type("Bound", (handler,), {"sent": self.sent})
        self.server = kind(("127.0.0.1", 0), bound)
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Hook(BaseHTTPRequestHandler):
    sent: list[Any]

    def do_POST(self) -> None:
        self.sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(500 if self.path == "/broken" else 204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Post(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as a mail needs."""

    sent: list[Any]

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                self.sent.append(b"".join(lines).decode())
            elif verb == b"AUTH":
                self.sent.append(line.decode().strip())
                self.wfile.write(b"235 welcome\r\n")
                continue
            elif verb == b"EHLO":
                self.wfile.write(b"250-here\r\n250 AUTH PLAIN\r\n")
                continue
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 well\r\n")


@pytest.fixture
def serve() -> Iterator[Callable[[Any, Any], Serving]]:
    running: list[Serving] = []

    def start(kind: Any, handler: Any) -> Serving:
        running.append(Serving(kind, handler))
        return running[-1]

    yield start
    for one in running:
        one.server.shutdown()
        one.server.server_close()


def test_a_command_gets_the_summary_and_no_text_of_documents_unless_asked(report: Report, tmp_path: Path):
    out = tmp_path / "told.md"
    assert notify(report, Notify(command=f"cat > '{out}'"), offline=False) == []
    assert out.read_text("utf-8").startswith("# ✗ Not all right\n\n5 of 14 gates are not met")
    assert "When was the pump" not in out.read_text("utf-8")
    notify(report, Notify(command=f"cat > '{out}'", text=True), offline=False)
    assert "When was the pump" in out.read_text("utf-8")
    assert notify(report, Notify(command="exit 7"), offline=False) == ["The command was not told: it ended with 7"]


def test_a_webhook_gets_json(report: Report, serve: Callable[..., Serving]):
    hook = serve(HTTPServer, Hook)
    assert notify(report, Notify(webhook=f"http://127.0.0.1:{hook.port}/"), offline=False) == []
    (sent,) = hook.sent
    assert (sent["state"], sent["night"], len(sent["gates"])) == ("gate", "2026-11-24", 5)
    assert [change["metric"] for change in sent["changes"]] == ["hallucination", "smol: faithfulness", "faithfulness"]
    assert "When was the pump" not in json.dumps(sent)
    (problem,) = notify(report, Notify(webhook=f"http://127.0.0.1:{hook.port}/broken"), offline=False)
    assert problem.startswith("The webhook was not told: HTTPStatusError") and "500" in problem
    (problem,) = notify(report, Notify(webhook="http://127.0.0.1:9/"), offline=False)
    assert "ConnectError" in problem


def test_a_mail_is_sent_with_the_password_of_the_environment(
    report: Report, serve: Callable[..., Serving], monkeypatch: pytest.MonkeyPatch
):
    post = serve(socketserver.ThreadingTCPServer, Post)
    monkeypatch.setenv("RAGSTONE_SMTP_PASSWORD", "secret")
    mail = Mail(
        host="127.0.0.1", port=post.port, sender="a@example.org", to=("b@example.org",), user="a", security="none"
    )
    assert notify(report, Notify(mail=mail), offline=False) == []
    login, sent = post.sent
    assert login == "AUTH PLAIN AGEAc2VjcmV0"  # \0a\0secret
    assert "Subject: Ragstone: Not all right, 2026-11-24" in sent
    assert "To: b@example.org" in sent
    post.server.shutdown()
    post.server.server_close()
    (problem,) = notify(report, Notify(mail=mail), offline=False)
    assert problem.startswith("The mail was not told: ConnectionRefusedError")


def test_nobody_is_told_when_all_is_well_or_offline(report: Report, tmp_path: Path):
    out = tmp_path / "told.md"
    config = Notify(command=f"touch '{out}'")
    well = replace(report, state="good")
    assert notify(well, config, offline=False) == []
    assert notify(report, replace(config, when="never"), offline=False) == []
    (problem,) = notify(report, config, offline=True)
    assert problem == "Nobody was told (command): RAGSTONE_OFFLINE is on."
    assert not out.exists()
    notify(well, replace(config, when="always"), offline=False)
    assert out.exists()


SCHEDULE = Schedule(Path("/home/me/100% mine/nightly.toml"), Path("/home/me/100% mine"), 2, 5, 120)


def test_systemd_reads_what_is_written(tmp_path: Path):
    (tmp_path / "ragstone-nightly.timer").write_text(SCHEDULE.timer())
    (tmp_path / "ragstone-nightly.service").write_text(SCHEDULE.service())
    assert '"/home/me/100%% mine/nightly.toml"' in SCHEDULE.service()
    assert "OnCalendar=*-*-* 02:05:00" in SCHEDULE.timer()
    examples = Path(__file__).resolve().parents[2] / "examples" / "nightly"
    for folder in (tmp_path, examples):
        found = analyze(["verify", "--user", str(folder / "ragstone-nightly.timer")], tmp_path)
        assert "Unknown" not in found and "Failed to parse" not in found and "bad unit file" not in found, found


def analyze(arguments: Sequence[str], runtime: Path) -> str:
    environment: Mapping[str, str] = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}
    try:
        done = subprocess.run(
            ["systemd-analyze", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=30
        )
    except FileNotFoundError:
        pytest.skip("there is no systemd-analyze")
    return done.stdout + done.stderr


def test_the_crontab_keeps_its_other_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A crontab that keeps its table in a file: there may be no cron here, and the user's own is not to be touched."""
    table = tmp_path / "table"
    crontab = tmp_path / "crontab"
    crontab.write_text(f"#!/bin/sh\nif [ \"$1\" = -l ]; then cat '{table}'; else cat > '{table}'; fi\n")
    crontab.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    table.write_text("0 1 * * * backup")
    install_cron(SCHEDULE)
    install_cron(replace(SCHEDULE, hour=3))
    lines = table.read_text().splitlines()
    assert lines[0] == "0 1 * * * backup"
    assert len(lines) == 4
    assert lines[2].startswith("5 3 * * * cd '/home/me/100\\% mine' && ")
    assert lines[2].endswith(" -m ragstone nightly --config '/home/me/100\\% mine/nightly.toml'")
    assert remove_cron()
    assert table.read_text() == "0 1 * * * backup\n"
    assert not remove_cron()
