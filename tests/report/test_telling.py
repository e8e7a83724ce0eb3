"""Who is told of a night: a command, a webhook and a mail server that are really there."""

import json
import os
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ragstone.app.nightly_config import Mail, Notify
from ragstone.app.notifying import notify
from ragstone.app.scheduling import Schedule, install_cron, remove_cron
from ragstone.errors import EvaluationError
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


def test_what_a_command_prints_does_not_mix_with_standard_output(report: Report, capfd: pytest.CaptureFixture[str]):
    assert notify(report, Notify(command="echo told"), offline=False) == []
    assert capfd.readouterr() == ("", "told\n")


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


class Postbox(Message):
    """Keeps the mails that come, and who sent them."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []
        self.logins: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)

    def authenticate(self, *given: Any) -> AuthResult:
        self.logins.append(given[-1])
        return AuthResult(success=given[-1].password == b"secret", handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for this machine that nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    path.write_bytes(secret + made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return path


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_mail_is_sent_with_the_password_of_the_environment(
    report: Report, certificate: Path, security: Any, monkeypatch: pytest.MonkeyPatch
):
    tls, box = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), Postbox()
    tls.load_cert_chain(certificate)
    offered: dict[str, Any] = {"none": {}, "starttls": {"tls_context": tls}, "tls": {"ssl_context": tls}}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = offered[security] | {"authenticator": box.authenticate, "auth_require_tls": security == "starttls"}
    post = Controller(box, "127.0.0.1", port, **options)
    mail = Mail(host="localhost", port=port, sender="a@example.org", to=("b@example.org",), user="a", security=security)
    post.start()
    try:
        monkeypatch.setenv("RAGSTONE_SMTP_PASSWORD", "wrong")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        (problem,) = notify(report, Notify(mail=mail), offline=False)
        assert problem.startswith("The mail was not told: SMTPAuthenticationError")
        assert "wrong" not in problem
        monkeypatch.setenv("RAGSTONE_SMTP_PASSWORD", "secret")
        assert notify(report, Notify(mail=mail), offline=False) == []
        (sent,) = box.mails
        assert sent["Subject"] == "Ragstone: Not all right, 2026-11-24"
        assert sent["To"] == "b@example.org"
        assert box.logins[-1].login == b"a"
        if security != "none":
            monkeypatch.delenv("SSL_CERT_FILE")
            (problem,) = notify(report, Notify(mail=mail), offline=False)
            assert "CERTIFICATE_VERIFY_FAILED" in problem
    finally:
        post.stop()
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
    out.unlink()
    notify(replace(report, state="incomplete"), config, offline=False)
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


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a crontab that answers as cron does: there may be none here, and the user's own is not to be touched.

    It refuses to list when there is a file `refusal`, with its words.
    """
    table, refusal, crontab = tmp_path / "table", tmp_path / "refusal", tmp_path / "crontab"
    crontab.write_text(
        f"""#!/bin/sh
if [ "$1" != -l ]; then cat > '{table}'
elif [ -e '{refusal}' ]; then cat '{refusal}' >&2; exit 1
elif [ -e '{table}' ]; then cat '{table}'
else echo "crontab: no crontab for anna" >&2; exit 1; fi
"""
    )
    crontab.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return table


def test_the_first_crontab_of_a_user_is_made(table: Path):
    assert not remove_cron()
    install_cron(SCHEDULE)
    assert len(table.read_text().splitlines()) == 3


@pytest.mark.parametrize("change", [lambda: install_cron(SCHEDULE), remove_cron])
def test_a_crontab_that_cannot_be_read_is_not_written(table: Path, change: Callable[[], object]):
    table.write_text("0 1 * * * backup\n")
    (table.parent / "refusal").write_text("crontab: cannot open crontabs/anna: Permission denied")
    with pytest.raises(EvaluationError, match=r"Permission denied.*Use --print"):
        change()
    assert table.read_text() == "0 1 * * * backup\n"


@pytest.mark.parametrize("change", [lambda: install_cron(SCHEDULE), remove_cron])
@pytest.mark.parametrize("after", ["", "# ragstone nightly: begin\n# ragstone nightly: end\n"])
def test_a_crontab_whose_last_line_of_ours_is_gone_is_not_written(
    table: Path, change: Callable[[], object], after: str
):
    install_cron(SCHEDULE)
    torn = table.read_text().replace("# ragstone nightly: end", "0 1 * * * backup") + after
    table.write_text(torn)
    with pytest.raises(EvaluationError, match=r"end.*crontab -e"):
        change()
    assert table.read_text() == torn


def test_other_lines_of_a_crontab_stay_as_they_are_to_the_byte(table: Path):
    others = b"# caf\xe9 \x0c of \xe2\x80\xa8 old\r\n\n0 1 * * * backup\n"
    table.write_bytes(others)
    install_cron(SCHEDULE)
    assert table.read_bytes().startswith(others)
    assert remove_cron()
    assert table.read_bytes() == others


def test_the_crontab_keeps_its_other_lines(table: Path):
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
