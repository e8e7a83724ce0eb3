"""Damaged files, made from whole ones by chance and yet repeatable: a seed and a number always give the same bytes."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

from ragstone.ingest.parsers import SUFFIXES

MAX_BYTES = 4_000_000
"""No case is longer."""
ZIPPED = frozenset(".docx .docm .dotx .pptx .pptm .ppsx .xlsx .xlsm .xlsb .odt .ods .odp .ott .otp .epub .zip".split())
_HARD = ZIPPED | {".pdf", ".xls", ".msg", ".rtf"}
"""Formats with much to go wrong: three times as likely as the others."""
NUMBERS = (0, 1, -1, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
WORDS = (*map(str, NUMBERS), "-2147483649", "1" + "0" * 40, "1e309", "NaN", "0.0", "")
"""Numbers at the edges of what programs count with, in binary and as they are written."""
_DIGITS = re.compile(rb"-?\d+(?:\.\d+)?")
_TAG = re.compile(rb"<([A-Za-z][\w:.-]*)[^<>]*(?<!/)>")
_FLATE = re.compile(rb"/FlateDecode\b[^>]*>>\s*stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_SEEDS = {
    "letter.rtf": rb"{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}{\info{\title A letter}}\pard\f0 Dear \b all\b0,\par "
    rb"the r\'e9sum\'e9 is \u8364?5.\par\trowd\cellx900\cellx1800\intbl one\cell two\cell\row\pard End.\par}",
    "film.srt": b"1\n00:00:01,000 --> 00:00:02,500\nFirst\n\n2\n00:00:03,000 --> 00:00:04,000\n<i>Second</i> line\n",
    "film.ass": b"[Script Info]\nTitle: Film\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, "
    b"MarginR, MarginV, Effect, Text\nDialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,First{\\i1} line\\Nand more\n",
    "letters.mbox": b"From a@example.org Mon Jan  1 00:00:00 2024\nFrom: a@example.org\nSubject: One\n\nFirst.\n\n"
    b"From b@example.org Tue Jan  2 00:00:00 2024\nFrom: b@example.org\nContent-Type: text/html\n\n<p>Second.\n",
    "program.py": b'class Thing:\n    """One."""\n\n    def go(self):\n        return 1\n\n\nThing().go()\n',
    "program.js": b"// A program\nclass Thing { go() { return 1; } }\nfunction main() { new Thing().go(); }\n",
    "settings.ini": b"[server]\nport = 80\n; a comment\n[client]\nname = one\n",
    "rows.jsonl": b'{"name": "one", "values": [1, 2.5, null]}\n{"name": "two", "inner": {"deep": ["x"]}}\n',
    "settings.toml": b'[server]\nport = 80\nnames = ["a", "b"]\n[[client]]\nsince = 2024-01-01\n',
    "list.yaml": b"title: List\nitems:\n  - &first {name: one, size: 1}\n  - *first\ntext: |\n  line\n  line\n",
}
"""Of formats that the data sets lack."""
_IMAGES = (".png", ".jpg", ".tiff", ".bmp", ".webp")


@dataclass(frozen=True, slots=True)
class Case:
    """A damaged file."""

    number: int
    origin: str
    """The whole file and what was done to it."""
    suffix: str
    data: bytes


class Mutator:
    """Damages the files of a corpus."""

    def __init__(self, folders: Iterable[Path], seed: int) -> None:
        self._seed = seed
        self._files: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
        for name, data in _SEEDS.items():
            self._files[Path(name).suffix].append((name, data))
        for suffix in _IMAGES:
            self._files[suffix].append((f"image{suffix}", _image(suffix)))
        for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
            if path.suffix.lower() in SUFFIXES and path.is_file() and path.stat().st_size:
                self._files[path.suffix.lower()].append((path.name, path.read_bytes()))

    def case(self, number: int) -> Case:
        """The case of a number: a format first, and then one of its files."""
        random = Random(f"{self._seed} {number}")
        suffixes = sorted(self._files)
        (suffix,) = random.choices(suffixes, [3 if suffix in _HARD else 1 for suffix in suffixes])
        name, data = random.choice(self._files[suffix])
        steps = []
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            step = self._step(random, suffix)
            data = step(random, data)[:MAX_BYTES]
            steps.append(step.__name__.strip("_"))
        if random.random() < 0.05:
            suffix, data = _packed(random, name, data)
            steps.append("packed")
        if random.random() < 0.1:
            suffix = random.choice(sorted(SUFFIXES))
        return Case(number, f"{name}: {', '.join(steps)}", suffix, data)

    def _step(self, random: Random, suffix: str) -> Callable[[Random, bytes], bytes]:
        if suffix in ZIPPED and random.random() < 0.7:
            return _inside_zip
        if suffix == ".pdf" and random.random() < 0.4:
            return _inside_pdf_stream
        if random.random() < 0.1 and len(self._files[suffix]) > 1:
            return self._splice_of(suffix)
        return random.choice(_XML_STEPS if suffix in (".html", ".xml") else _STEPS)

    def _splice_of(self, suffix: str) -> Callable[[Random, bytes], bytes]:
        def spliced(random: Random, data: bytes) -> bytes:
            _, other = random.choice(self._files[suffix])
            return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]

        return spliced


def _image(suffix: str) -> bytes:
    drawn, image = io.BytesIO(), Image.new("RGB", (80, 24), "white")
    ImageDraw.Draw(image).text((4, 4), "words", fill="black")
    image.save(drawn, Image.registered_extensions()[suffix])
    return drawn.getvalue()


def _span(random: Random, data: bytes) -> slice:
    """Some bytes in a row: mostly few."""
    start = random.randint(0, len(data))
    return slice(start, start + int(2 ** random.uniform(0, 12)))


def _bits_flipped(random: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(int(2 ** random.uniform(0, 6)) if data else 0):
        changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _overwritten(random: Random, data: bytes) -> bytes:
    span = _span(random, data)
    new = random.choice((bytes(1), b"\xff", random.randbytes(1), random.randbytes(len(data[span]) or 1)))
    return data[: span.start] + (new * len(data[span]))[: len(data[span])] + data[span.stop :]


def _deleted(random: Random, data: bytes) -> bytes:
    span = _span(random, data)
    return data[: span.start] + data[span.stop :]


def _repeated(random: Random, data: bytes) -> bytes:
    span = _span(random, data)
    times = min(int(2 ** random.uniform(1, 16)), 1 + 500_000 // (len(data[span]) or 1))
    return data[: span.start] + data[span] * times + data[span.stop :]


def _moved(random: Random, data: bytes) -> bytes:
    span, at = _span(random, data), random.randint(0, len(data))
    return data[:at] + data[span] + data[at:]


def _inserted(random: Random, data: bytes) -> bytes:
    span = _span(random, data)
    return data[: span.start] + random.randbytes(span.stop - span.start) + data[span.start :]


def _truncated(random: Random, data: bytes) -> bytes:
    return data[: random.randint(0, len(data))]


def _number_written(random: Random, data: bytes) -> bytes:
    size = random.choice((1, 2, 4, 8))
    number = random.choice(NUMBERS) % (1 << 8 * size)
    at = random.randint(0, len(data))
    return data[:at] + number.to_bytes(size, random.choice(("little", "big"))) + data[at + size :]


def _digits_replaced(random: Random, data: bytes) -> bytes:
    found = _DIGITS.search(data, random.randint(0, len(data)))
    if not found:
        return _number_written(random, data)
    return data[: found.start()] + random.choice(WORDS).encode() + data[found.end() :]


def _element_changed(random: Random, data: bytes) -> bytes:
    """Changes the structure of XML so that it stays well formed, mostly: an element goes, is repeated, or is nested."""
    tag = _TAG.search(data, random.randint(0, len(data))) or _TAG.search(data)
    close = b"</" + tag[1] + b">" if tag else b""
    end = data.find(close, tag.end()) if tag else -1
    if not tag or end < 0:
        return _digits_replaced(random, data)
    before, inner, after = data[: tag.start()], data[tag.end() : end], data[end + len(close) :]
    times = min(int(2 ** random.uniform(1, 14)), 1 + 500_000 // (len(tag[0]) + len(inner)))
    changed = random.choice((b"", inner, (tag[0] + inner + close) * times, tag[0] * times + inner + close * times))
    return before + changed + after


_STEPS = (
    _bits_flipped,
    _overwritten,
    _deleted,
    _repeated,
    _moved,
    _inserted,
    _truncated,
    _number_written,
    _digits_replaced,
)
_XML_STEPS = (*_STEPS, *[_digits_replaced, _element_changed] * len(_STEPS))


def _inside_zip(random: Random, data: bytes) -> bytes:
    """Damages one member, so that the damage is met behind the unpacking; or the whole file, if it is broken."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as whole:
            members = [(name, whole.read(name)) for name in whole.namelist()]
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zlib.error):
        return random.choice(_STEPS)(random, data)
    xml = [index for index, (name, _) in enumerate(members) if name.endswith((".xml", ".rels", ".xhtml", ".html"))]
    chosen = random.choice(xml if xml and random.random() < 0.9 else range(len(members) or 1))
    step = random.choice(_XML_STEPS if chosen in xml else _STEPS)
    return _zip((name, step(random, inner) if i == chosen else inner) for i, (name, inner) in enumerate(members))


def _zip(members: Iterable[tuple[str, bytes]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)  # a ZipInfo has no time of its own
    return packed.getvalue()


def _inside_pdf_stream(random: Random, data: bytes) -> bytes:
    """Damages what a compressed stream holds: fonts, glyph maps, page contents."""
    streams = list(_FLATE.finditer(data))
    if not streams:
        return random.choice(_STEPS)(random, data)
    stream = random.choice(streams)
    try:
        inner = zlib.decompressobj().decompress(stream[1], MAX_BYTES)
    except zlib.error:
        return random.choice(_STEPS)(random, data)
    packed = zlib.compress(random.choice(_STEPS)(random, inner), 9).ljust(len(stream[1]))  # the other offsets hold
    return data[: stream.start(1)] + packed + data[stream.end(1) :]


def _packed(random: Random, name: str, data: bytes) -> tuple[str, bytes]:
    """A file inside an archive, which may be damaged too."""
    suffix = random.choice((".zip", ".tar", ".tgz"))
    if suffix == ".zip":
        packed = _zip([(name, data), ("inner/note.txt", b"A note.")])
    else:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        packed = buffer.getvalue() if suffix == ".tar" else gzip.compress(buffer.getvalue(), mtime=0)
    return suffix, random.choice(_STEPS)(random, packed) if random.random() < 0.5 else packed
