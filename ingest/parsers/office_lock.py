"""Office files that are locked with a password: they are wrapped in the container of the old formats (OLE)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msoffcrypto
from msoffcrypto.exceptions import InvalidKeyError

from ...errors import EncryptedError
from ..parsed import ParseOptions
from .package import corrupt

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How a locked file begins, and every file of the old formats."""

_LOCKED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_EXCELS_OWN = "VelvetSweatshop"  # the password of workbooks that Excel encrypts without asking for one
_MOST_SPINS = 1_000_000  # Office hashes a password 100,000 times; a hostile file could ask for years


def is_locked_package(data: bytes) -> bool:
    """Whether a file is an Office Open XML package that is locked with a password."""
    return data.startswith(OLE) and _LOCKED_PACKAGE in data


def unlock(data: bytes, path: Path, options: ParseOptions) -> bytes:
    """An OLE file as it would be without its password; one without a password stays as it is.

    Raises:
        EncryptedError: No password in `options` opens it.
        ParseError: It is corrupt.
    """
    try:
        file = msoffcrypto.OfficeFile(io.BytesIO(data))
        if not file.is_encrypted():
            return data
        if (getattr(file, "info", None) or {}).get("spinValue", 0) <= _MOST_SPINS:
            for password in (_EXCELS_OWN, *options.passwords):
                if (opened := _open(file, password)) is not None:
                    return opened
    except MemoryError:
        raise
    except Exception as error:  # msoffcrypto lets through whatever its readers raise on a corrupt file
        if not is_locked_package(data):
            raise corrupt(path, error) from error
    tried = "none of the passwords given opens it" if options.passwords else "no password was given"
    what = f"the file is locked with a password, and {tried}"
    raise EncryptedError(what, remedy="Give its password, or save it without one", path=path)


def _open(file: Any, password: str) -> bytes | None:
    opened = io.BytesIO()
    try:
        file.load_key(password=password, **({"verify_password": True} if file.format == "ooxml" else {}))
        file.decrypt(opened)
    except InvalidKeyError:
        return None
    return opened.getvalue()
