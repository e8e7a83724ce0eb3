"""Running `ragstone nightly` every night: a systemd timer of the user's, or a line in the crontab."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import EvaluationError

UNIT = "ragstone-nightly"
_BEGIN, _END = "# ragstone nightly: begin", "# ragstone nightly: end"


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is run, where, and when."""

    config: Path
    """The file `nightly.toml`, absolute."""
    folder: Path
    """Where it is run: `ragstone.toml` is looked for there."""
    hour: int
    minute: int
    budget_minutes: float

    @property
    def command(self) -> list[str]:
        """With this Python, whatever the PATH of the scheduler and whatever lies in the folder."""
        return [sys.executable, "-P", "-m", "ragstone", "nightly", "--config", str(self.config)]

    def service(self) -> str:
        """The text of the systemd service."""
        return f"""[Unit]
Description=Ragstone: did the answers get worse?

[Service]
Type=oneshot
WorkingDirectory={str(self.folder).replace("%", "%%")}
ExecStart={" ".join(map(_systemd_quoted, self.command))}
# Variables such as RAGSTONE_SMTP_PASSWORD; the file may be missing.
EnvironmentFile=-%h/.config/ragstone/nightly.env
Nice=10
TimeoutStartSec={int(self.budget_minutes) + 60}min
"""

    def timer(self) -> str:
        """The text of the systemd timer."""
        return f"""[Unit]
Description=Ragstone every night

[Timer]
OnCalendar=*-*-* {self.hour:02}:{self.minute:02}:00
Persistent=true

[Install]
WantedBy=timers.target
"""

    def cron_line(self) -> str:
        """The line of a crontab."""
        command = f"cd {shlex.quote(str(self.folder))} && {shlex.join(self.command)}"
        return f"{self.minute} {self.hour} * * * {command.replace('%', chr(92) + '%')}"


def has_systemd() -> bool:
    """Whether there is a systemd that runs timers of this user."""
    if shutil.which("systemctl") is None:
        return False
    told = subprocess.run(["systemctl", "--user", "show-environment"], capture_output=True, check=False)
    return told.returncode == 0


def install_timer(schedule: Schedule, units: Path) -> list[Path]:
    """Write the service and the timer and start the timer.

    Args:
        schedule: What is run.
        units: The folder of the user's units.

    Raises:
        EvaluationError: It cannot be written, or systemd refuses it.
    """
    written = []
    for name, text in ((f"{UNIT}.service", schedule.service()), (f"{UNIT}.timer", schedule.timer())):
        try:
            units.mkdir(parents=True, exist_ok=True)
            (units / name).write_text(text, "utf-8")
        except OSError as error:
            raise EvaluationError(
                f"cannot be written ({error.strerror})",
                path=units / name,
                remedy="Use --cron, or --print and do it by hand",
            ) from error
        written.append(units / name)
    _told(["systemctl", "--user", "daemon-reload"])
    _told(["systemctl", "--user", "enable", "--now", f"{UNIT}.timer"])
    return written


def remove_timer(units: Path) -> bool:
    """Stop the timer and remove its files; whether there were any."""
    files = [path for path in (units / f"{UNIT}.timer", units / f"{UNIT}.service") if path.is_file()]
    if files:
        _told(["systemctl", "--user", "disable", "--now", f"{UNIT}.timer"])
        for path in files:
            path.unlink()
        _told(["systemctl", "--user", "daemon-reload"])
    return bool(files)


def install_cron(schedule: Schedule) -> None:
    """Put the line into the user's crontab, in the place of an earlier one.

    Raises:
        EvaluationError: There is no cron, it refuses the line, or the crontab cannot be read.
    """
    kept = _without(_crontab())
    _told(["crontab", "-"], f"{kept}{_BEGIN}\n{schedule.cron_line()}\n{_END}\n")


def remove_cron() -> bool:
    """Take the line out of the user's crontab; whether there was one.

    Raises:
        EvaluationError: The crontab cannot be read or written.
    """
    if shutil.which("crontab") is None:
        return False
    table = _crontab()
    kept = _without(table)
    if kept != table:
        _told(["crontab", "-"], kept)
    return kept != table


def _crontab() -> str:
    """The user's crontab; empty for none."""
    if shutil.which("crontab") is None:
        raise EvaluationError("there is no crontab here", remedy="Install cron, or use --print and do it by hand")
    done = _done(["crontab", "-l"])
    if done.returncode and b"no crontab for" in done.stderr:
        return ""
    return os.fsdecode(_succeeded(done).stdout)  # what cannot be read is not to be written over


def _without(table: str) -> str:
    """A crontab without our lines."""
    lines, ours = [], False
    for line in io.StringIO(table, newline="\n"):
        if ours and line.strip() == _BEGIN:
            break
        ours = ours or line.strip() == _BEGIN
        if not ours:
            lines.append(line if line.endswith("\n") else f"{line}\n")
        ours = ours and line.strip() != _END
    if ours:
        raise EvaluationError(
            f"the crontab has the line {_BEGIN!r} and no {_END!r} after it",
            remedy="Run `crontab -e` and take out that line and the one that runs `ragstone nightly`",
        )
    return "".join(lines)


def _told(command: list[str], text: str = "") -> None:
    _succeeded(_done(command, text))


def _done(command: list[str], text: str = "") -> subprocess.CompletedProcess[bytes]:
    try:
        # Bytes, for other lines of a crontab may be in any encoding.
        return subprocess.run(command, input=os.fsencode(text), capture_output=True, check=False)
    except OSError as error:
        raise EvaluationError(f"{command[0]} cannot be run ({error.strerror})", remedy="Use --print") from error


def _succeeded(done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[bytes]:
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise EvaluationError(
            f"{shlex.join(done.args)} ended with {done.returncode} ({said})",
            remedy="Use --print and do it by hand",
        )
    return done


def _systemd_quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if escaped != word or " " in word else word
