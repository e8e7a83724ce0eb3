"""`ragstone ui`"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import click

from ...errors import SettingsError
from .common import library_option

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MOST_UPLOAD_MB = 200
"""An upload is held in memory until it is stored."""


@click.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535))
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0 is everywhere.")
@click.option("--password-env", metavar="NAME", help="Ask for the password that this variable holds.")
@click.option(
    "--password-file", type=click.Path(path_type=Path, dir_okay=False), help="Ask for the password in this file."
)
@click.option("--no-password", is_flag=True, help="Serve beyond this machine to whoever comes.")
@click.option(
    "--server-folders/--no-server-folders",
    default=None,
    help="Let folders of this machine be added from the browser. [default: only without a password, on loopback]",
)
@click.option("--model", help="A name of `ragstone models list`, or a GGUF file.")
@library_option
def ui(
    port: int,
    address: str,
    password_env: str | None,
    password_file: Path | None,
    no_password: bool,
    server_folders: bool | None,
    model: str | None,
    library: Path | None,
) -> int:
    """Open Ragstone in the browser: chats, sources, the library."""
    from ..settings import PREFIX, Settings

    password = _password(password_env, password_file)
    if address not in LOOPBACK and password is None and not no_password:
        raise SettingsError(
            f"{address} can be reached from other machines, and there is no password",
            remedy="Give --password-env NAME or --password-file FILE, or --no-password if everybody may enter",
        )
    settings = Settings.load({"library": library, "model": model})
    for name, value in (("LIBRARY", library), ("MODEL", model)):  # Streamlit's script reads the settings again
        if value is not None:
            os.environ[f"{PREFIX}{name}"] = str(value)
    _require_free(address, port)
    click.echo(f"Ragstone is at http://{'localhost' if address in LOOPBACK else address}:{port}  (Ctrl-C ends it)")
    click.echo(f"Library: {settings.library.absolute()}", err=True)

    from ..ui.serving import serve

    if server_folders is None:
        server_folders = password is None and address in LOOPBACK
    serve(address, port, password, min(settings.max_file_mb, MOST_UPLOAD_MB), server_folders)
    return 0


def _password(variable: str | None, file: Path | None) -> str | None:
    if variable is None and file is None:
        return None
    try:
        password = os.environ.get(variable, "") if variable else file.read_text("utf-8-sig").strip()  # type: ignore[union-attr]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the password cannot be read ({error})", path=file, remedy="Name another file") from error
    if not password:
        raise SettingsError("the password is empty", path=file, remedy="Put one there, of a dozen characters or more")
    return password


def _require_free(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        raise SettingsError(
            f"{address}:{port} cannot be listened on ({error.strerror or error})", remedy="Choose another with --port"
        ) from error
