import gzip
import io
import random
import tarfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from ragstone.errors import EncryptedError, ParseError
from ragstone.ingest import parsers
from ragstone.ingest.parsed import ParseOptions, Part
from ragstone.ingest.parsers import archive

LOCKED = 0x1
# A zip whose one member, secret.txt, is locked with the password "stone" (ZipCrypto, stored).
SECRET = bytes.fromhex(
    "504b030414000100000000002100561f4977170000000b0000000a0000007365637265742e74787411917b07277a9f89aa89"
    "3fdeef00350b1b89e159ff3f57504b0102140014000100000000002100561f4977170000000b0000000a0000000000000000"
    "0000000000000000007365637265742e747874504b05060000000001000100380000003f0000000000"
)


def parts(name: str, data: bytes, passwords: tuple[str, ...] = ()) -> list[Part]:
    return list(archive.parts(data, Path(name), ParseOptions(passwords=passwords)))


def read(path: Path, data: bytes) -> list[str]:
    """The names that the files in an archive are read by."""
    path.write_bytes(data)
    return [reading.part for reading in parsers.read(path)]


def zipped(members: Sequence[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return packed.getvalue()


def tarred(members: Sequence[tuple[str, bytes]], mode: str = "w", links: Sequence[tuple[str, str]] = ()) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as file:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            file.addfile(info)
    return packed.getvalue()


def test_the_files_of_a_zip_come_with_their_paths():
    data = zipped([("a.txt", b"one"), ("folder/", b""), ("folder/b.md", b"two")])
    assert parts("x.zip", data) == [Part("a.txt", b"one"), Part("folder/b.md", b"two")]


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("x.tar", "w"),
        ("x.tgz", "w:gz"),
        ("x.tar.gz", "w:gz"),
        ("x.tbz2", "w:bz2"),
        ("x.tar.bz2", "w:bz2"),
        ("x.txz", "w:xz"),
    ],
)
def test_the_files_of_a_tar_come_however_it_is_compressed(name: str, mode: str):
    data = tarred([("a.txt", b"one"), ("folder/b.md", b"two" * 1000)], mode)
    assert parts(name, data) == [Part("a.txt", b"one"), Part("folder/b.md", b"two" * 1000)]


def test_a_single_compressed_file_is_named_without_the_suffix():
    assert parts("report.txt.gz", gzip.compress(b"text")) == [Part("report.txt", b"text")]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\docs\\a.txt", "docs/a.txt"),
        ("a/./b\x07.txt", "a/b.txt"),
        ("..\\..\\a.txt", "a.txt"),
        ("..", "unnamed"),
    ],
)
def test_no_name_leads_out_of_the_archive(name: str, safe: str):
    assert [part.name for part in parts("x.tar", tarred([(name, b"text")]))] == [safe]


def test_links_and_hidden_files_are_left_out():
    hidden = (".DS_Store", "__MACOSX/a.txt", ".git/config", "~$a.docx")
    members = [("a.txt", b"one"), *((name, b"x") for name in hidden)]
    assert parts("x.zip", zipped(members)) == [Part("a.txt", b"one")]
    assert parts("x.tar", tarred(members, links=[("passwd", "/etc/passwd")])) == [Part("a.txt", b"one")]
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    assert parts("x.zip", zipped([(link, b"/etc/passwd"), ("a.txt", b"one")])) == [Part("a.txt", b"one")]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_files_of_one_name_are_numbered(tmp_path: Path):
    data = zipped([("a.txt", b"one"), ("a.txt", b"two"), ("a (2).txt", b"three"), ("a.txt", b"four")])
    assert read(tmp_path / "x.zip", data) == ["a.txt", "a (2).txt", "a (2) (2).txt", "a (3).txt"]


def test_a_path_that_is_the_same_in_two_ways_is_numbered(tmp_path: Path):
    inner = zipped([("a.txt", b"one")])
    data = zipped([("y.zip", inner), ("y.zip/a.txt", b"two")])
    assert read(tmp_path / "x.zip", data) == ["y.zip/a.txt", "y.zip/a (2).txt"]


def test_thousands_of_files_of_one_name_are_numbered_in_time(tmp_path: Path):
    data = tarred([("a.txt", b"")] * 5_000)
    start = time.monotonic()
    assert read(tmp_path / "x.tar", data)[-1] == "a (5000).txt"
    assert time.monotonic() - start < 10


def test_names_in_utf8_that_do_not_say_so_are_read():
    data = zipped([("Gr__e.txt", b"text")]).replace(b"Gr__e", "Größe".encode()[:1] + "öß".encode() + b"")
    assert [part.name for part in parts("x.zip", data)] == ["Göß.txt"]


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.csv.gz"])
def test_a_bomb_is_not_unpacked(name: str):
    zeros = b"0" * (64 << 20)
    bombs = {"x.zip": zipped([("a.csv", zeros)]), "x.tar.gz": tarred([("a.csv", zeros)], "w:gz")}
    with pytest.raises(ParseError, match="more than 200 times its size"):
        parts(name, bombs.get(name) or gzip.compress(zeros))


def test_many_small_bombs_are_one_bomb():
    data = zipped([(f"{number}.csv", b"0" * (1 << 20)) for number in range(64)])
    with pytest.raises(ParseError, match="more than 200 times its size"):
        parts("x.zip", data)


def test_an_archive_in_an_archive_is_a_part():
    inner = zipped([("a.txt", b"one")])
    assert parts("x.zip", zipped([("inner.zip", inner)])) == [Part("inner.zip", inner)]


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz"])
def test_the_files_before_the_end_of_a_truncated_tar_come(name: str):
    noise = random.Random(1).randbytes(50_000)
    data = tarred([("a.txt", b"one"), ("b.bin", noise), ("c.txt", b"three")], "w:gz" if name.endswith("gz") else "w")
    found = []
    with pytest.raises(ParseError, match="the archive is corrupt"):
        found.extend(part.name for part in archive.parts(data[:30_000], Path(name), ParseOptions()))
        pytest.fail("no error")
    read = archive.parts(data[:30_000], Path(name), ParseOptions())
    assert next(read).name == "a.txt"


@pytest.mark.parametrize("suffix", "zip tar gz tgz bz2 tbz2 xz txz mbox".split())
def test_garbage_is_refused(suffix: str):
    for data in (b"\x89PNG\r\n\x1a\n\0\0" + bytes(range(256)), b"PK\x03\x04" + b"\0" * 100, b"\x1f\x8b" + b"x" * 2000):
        with pytest.raises(ParseError):
            parts(f"x.{suffix}", data)


def test_a_damaged_file_does_not_hide_the_others():
    data = bytearray(zipped([("a.txt", b"one" * 500), ("b.txt", b"two")]))
    data[40] ^= 0xFF
    first, second = parts("x.zip", bytes(data))
    assert isinstance(first.content, ParseError) and "corrupt" in str(first.content)
    assert second == Part("b.txt", b"two")


def lock(data: bytes, compression: int | None = None) -> bytes:
    """Says of every member that it is locked, without locking it."""
    locked = bytearray(data)
    for mark, flag, method in ((b"PK\x03\x04", 6, 8), (b"PK\x01\x02", 8, 10)):
        at = locked.find(mark)
        locked[at + flag] |= LOCKED
        if compression is not None:
            locked[at + method] = compression
    return bytes(locked)


@pytest.mark.parametrize("compression", [None, 99])
def test_a_locked_file_is_reported_as_locked(compression: int | None):
    (part,) = parts("x.zip", lock(zipped([("a.txt", b"some text")]), compression), passwords=("wrong",))
    assert isinstance(part.content, EncryptedError)


def test_a_locked_file_is_read_with_its_password():
    assert parts("x.zip", SECRET, passwords=("wrong", "stone")) == [Part("secret.txt", b"the secret\n")]


MBOX = (
    b"From a@b.c Mon Jan  1 00:00:00 2024\nFrom: a@b.c\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe/1?=\n\n"
    b"Hello.\n>From here on.\nFrom time to time\n\nFrom d@e.f Mon Jan  1 00:00:00 2024\r\nFrom: d@e.f\r\n\r\nBye.\n"
)


def test_the_messages_of_a_mailbox_are_files():
    first, second = parts("x.mbox", MBOX)
    assert (first.name, second.name) == ("0001 Grüße_1.eml", "0002.eml")
    assert first.content == MBOX[36:].split(b"From d@")[0].replace(b">From", b"From")
    assert second.content == b"From: d@e.f\r\n\r\nBye.\n"


def test_a_large_mailbox_is_read_in_linear_time():
    start = time.monotonic()
    assert len(parts("x.mbox", MBOX * 5_000)) == 10_000
    assert time.monotonic() - start < 10
