"""Archives and mailboxes: the files inside, in memory.

Nothing is written to disk, and no size that a header claims is believed.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from ...errors import EncryptedError, ParseError
from ..parsed import ParseOptions, Part

MAX_MEMBER = 256 << 20
"""Bytes that one file may unpack to."""
MAX_RATIO = 200
"""Bytes that one byte of an archive may unpack to, once the archive has unpacked to `RATIO_FREE`."""
RATIO_FREE = 10 << 20

_TARS = (".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_CHUNK = 1 << 20
_ENCRYPTED, _UTF8 = 0x1, 0x800
_AES = 99
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FROM_LINE = re.compile(rb"^From [^\r\n]*\r?\n(?=[!-9;-~]{1,100}[ \t]*:)", re.MULTILINE)
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_MOST_HEADERS = 64 << 10
"""Bytes of a message in which its subject is looked for."""
_DRIVE = re.compile(r"^[A-Za-z]:")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def read1(self, size: int, /) -> bytes: ...


class _Budget:
    """What an archive may unpack to."""

    def __init__(self, packed: int, path: Path, options: ParseOptions) -> None:
        self._left = max(RATIO_FREE, MAX_RATIO * packed)
        self._path, self._alive = path, options.alive

    def spend(self, count: int) -> None:
        self._left -= count
        if self.spent:
            what = f"the archive unpacks to more than {MAX_RATIO} times its size, as no honest one does"
            raise ParseError(what, remedy="Unpack it yourself if you trust it", path=self._path)
        self._alive()

    @property
    def spent(self) -> bool:
        return self._left < 0


class _Metered(io.RawIOBase):
    """A stream that spends a budget."""

    def __init__(self, stream: _Readable, budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read1(_CHUNK if size < 0 else min(size, _CHUNK))  # what came before damage is not lost
        self._budget.spend(len(data))
        return data


def parts(data: bytes, path: Path, options: ParseOptions) -> Iterator[Part]:
    """The files in an archive, or the one file in a compressed file; links, devices and hidden files are left out.

    Raises:
        ParseError: The archive is corrupt or truncated, or unpacks to far more than is usual. What could be read before
            has come by then.
    """
    name = path.name.lower()
    with _refusing_damage(path):
        if name.endswith(".zip"):
            members = _zip_members(data, path, options)
        elif name.endswith(".mbox"):
            members = _messages(data, path)
        elif name.endswith(_TARS):
            members = _tar_members(data, path, options)
        else:
            members = iter([(path.stem, _read(_unpacked(data, path), _Budget(len(data), path, options), path))])
        for member, content in members:
            if (inner := _safe_name(member)) is not None:
                yield Part(inner, content)


def _zip_members(data: bytes, path: Path, options: ParseOptions) -> Iterator[tuple[str, bytes | ParseError]]:
    budget = _Budget(len(data), path, options)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            name = _zip_name(info)
            if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16) or _safe_name(name) is None:
                continue
            inner = path / name
            try:
                with _refusing_damage(inner):
                    yield name, _zip_content(archive, info, inner, options.passwords, budget)
            except ParseError as error:
                if budget.spent:
                    raise
                yield name, error


def _zip_name(info: zipfile.ZipInfo) -> str:
    """A member's name; many programs write it in UTF-8 and do not say so."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename


def _zip_content(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, passwords: tuple[str, ...], budget: _Budget
) -> bytes:
    if not info.flag_bits & _ENCRYPTED:
        with archive.open(info) as stream:
            return _read(stream, budget, path)
    if info.compress_type == _AES:
        what = "the file is locked with a password (AES)"
        raise EncryptedError(what, remedy="Unpack the archive with its password", path=path)
    for password in passwords:
        try:
            with archive.open(info, pwd=password.encode()) as stream:
                return _read(stream, budget, path)
        except (ParseError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - a wrong password may look right until the garbage is unpacked
            continue
    remedy = "Give the password with --password, or unpack the archive with it"
    raise EncryptedError("the file is locked with a password", remedy=remedy, path=path)


def _tar_members(data: bytes, path: Path, options: ParseOptions) -> Iterator[tuple[str, bytes | ParseError]]:
    stream = _Metered(_unpacked(data, path), _Budget(len(data), path, options))
    budget = _Budget(len(data), path, options)  # the holes of sparse files are not in the stream
    with tarfile.open(mode="r|", fileobj=stream, bufsize=_CHUNK, errors="replace") as archive:
        for info in archive:
            content = archive.extractfile(info) if info.isfile() and _safe_name(info.name) is not None else None
            if content is None:
                continue
            try:
                yield info.name, _read(content, budget, path / info.name)
            except ParseError as error:
                if budget.spent:
                    raise
                yield info.name, error


def _messages(data: bytes, path: Path) -> Iterator[tuple[str, bytes | ParseError]]:
    """The messages of a mailbox, numbered; a line quoted lest it seem to start a message is as it was sent."""
    from email.parser import BytesHeaderParser

    from .mail import header

    lines = [match.span() for match in _FROM_LINE.finditer(data)]
    if not lines:
        raise ParseError("the file is no mailbox: no message starts in it", remedy="Export it again", path=path)
    ends = [start for start, _ in lines[1:]] + [len(data)]
    for number, ((_, start), end) in enumerate(zip(lines, ends, strict=True), 1):
        message = _QUOTED_FROM.sub(rb"\1", data[start:end])
        head = re.split(rb"\r?\n\r?\n", message[:_MOST_HEADERS], maxsplit=1)[0]
        subject = header(BytesHeaderParser().parsebytes(head), "subject").replace("/", "_").replace("\\", "_")
        yield f"{number:04} {subject[:100]}".strip() + ".eml", message


def _unpacked(data: bytes, path: Path) -> _Readable:
    suffix = path.suffix.lower()
    packed = io.BytesIO(data)
    if suffix in (".gz", ".tgz"):
        return gzip.GzipFile(fileobj=packed)
    if suffix in (".bz2", ".tbz2"):
        return bz2.BZ2File(packed)
    if suffix in (".xz", ".txz"):
        return lzma.LZMAFile(packed)
    return packed


def _read(stream: IO[bytes] | _Readable, budget: _Budget, path: Path) -> bytes:
    content = bytearray()
    while chunk := stream.read(_CHUNK):
        budget.spend(len(chunk))
        content += chunk
        if len(content) > MAX_MEMBER:
            what = f"the file unpacks to more than {MAX_MEMBER >> 20} MiB"
            raise ParseError(what, remedy="Unpack it and split it", path=path)
    return bytes(content)


def _safe_name(name: str) -> str | None:
    """A path that stays inside its archive, with forward slashes; None for a hidden file."""
    name = _DRIVE.sub("", _CONTROLS.sub("", name).replace("\\", "/"))
    steps = [step for step in name.encode(errors="replace").decode().split("/") if step.strip() not in ("", ".", "..")]
    if any(step.startswith((".", "~$")) or step == "__MACOSX" for step in steps):
        return None
    return "/".join(steps) or "unnamed"


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    """Turns whatever the readers raise over corrupt data into a ParseError."""
    try:
        yield
    except (ParseError, MemoryError):
        raise
    except Exception as error:
        what = f"the archive is corrupt ({type(error).__name__})"
        raise ParseError(what, remedy="Fetch it again, or repack it", path=path) from error
