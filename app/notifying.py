"""Telling people of a night: by a command of theirs, by mail, or by a webhook. No text of documents unless asked."""

from __future__ import annotations

import os
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict
from email.message import EmailMessage
from functools import partial
from typing import Any

from ..eval.report.data import Report
from ..eval.report.markdown import as_markdown
from ..eval.report.wording import WORDS
from .nightly_config import Mail, Notify

PASSWORD = "RAGSTONE_SMTP_PASSWORD"
SECONDS = 60.0
"""How long each way of telling may take."""
_STDERR = 2


def notify(report: Report, config: Notify, *, offline: bool) -> list[str]:
    """Tell of a report in every way that is configured; returns what went wrong, empty if nothing did.

    Args:
        report: What to tell of.
        config: Whom, and when.
        offline: Tell nobody.
    """
    if config.when == "never" or (config.when == "problem" and report.state in ("good", "measured")):
        return []
    ways = list(_ways(report, config))
    if offline and ways:
        return [f"Nobody was told ({', '.join(name for name, _ in ways)}): RAGSTONE_OFFLINE is on."]
    problems = []
    for name, tell in ways:
        if problem := tell():
            problems.append(f"The {name} was not told: {problem}")
    return problems


def _ways(report: Report, config: Notify) -> Iterator[tuple[str, Callable[[], str]]]:
    text = as_markdown(report, items=config.text)
    if config.command:
        yield "command", partial(_run, config.command, text)
    if config.webhook:
        yield "webhook", partial(_post, config.webhook, _summary(report, text))
    if config.mail:
        yield "mail", partial(_send, config.mail, _message(config.mail, report, text))


def _run(command: str, text: str) -> str:
    try:
        # The user's own command, from the user's own file. Standard output is for what the caller prints, such as JSON.
        given = text.encode("utf-8", "replace")
        done = subprocess.run(command, shell=True, input=given, stdout=_STDERR, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"it took longer than {SECONDS:.0f} s"
    return f"it ended with {done.returncode}" if done.returncode else ""


def _post(url: str, body: dict[str, Any]) -> str:
    import httpx2

    try:
        httpx2.post(url, json=body, timeout=SECONDS).raise_for_status()
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return f"{type(error).__name__} {error}".strip()
    return ""


def _send(mail: Mail, message: EmailMessage) -> str:
    try:
        tls = ssl.create_default_context()
        with (
            smtplib.SMTP_SSL(mail.host, mail.port, timeout=SECONDS, context=tls)
            if mail.security == "tls"
            else smtplib.SMTP(mail.host, mail.port, timeout=SECONDS)
        ) as server:
            if mail.security == "starttls":
                server.starttls(context=tls)
            if mail.user:
                server.login(mail.user, os.environ.get(PASSWORD, ""))
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        return f"{type(error).__name__} {error}".strip()
    return ""


def _message(mail: Mail, report: Report, text: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = f"Ragstone: {WORDS[report.state]}, {report.begun[:10]}"
    message["From"], message["To"] = mail.sender, ", ".join(mail.to)
    message.set_content(text)
    return message


def _summary(report: Report, text: str) -> dict[str, Any]:
    return {
        "night": report.name,
        "begun": report.begun,
        "state": report.state,
        "headline": report.headline,
        "gates": [asdict(gate) for gate in report.gates if gate.state == "not met"],
        "changes": [asdict(change) for change in report.moved("beyond noise")],
        "not_run": dict(report.not_run),
        "put_off": list(report.put_off),
        "text": text,
    }
