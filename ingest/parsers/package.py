"""Zip packages (Office Open XML, OpenDocument, EPUB), read within limits whatever their headers claim."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from lzma import LZMAError
from pathlib import Path

from lxml import etree

from ...errors import EncryptedError, ParseError

MAX_MEMBERS = 20_000
MAX_BYTES = 512 << 20
"""Unpacked, of all that is read of one package."""
MAX_RATIO = 300
"""Unpacked bytes for one packed, of a member larger than `RATIO_FROM`: XML of real documents stays below."""
RATIO_FROM = 16 << 20

_ENCRYPTED = 0x1
_BAD_ZIP = (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, NotImplementedError, OSError, ValueError, RuntimeError)
_DOCTYPE = re.compile(b"|".join(re.escape("<!DOCTYPE".encode(code)) for code in ("ascii", "utf-16-le", "utf-16-be")))
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?)?)?")
_DATES = ("created", "modified")
_CORE = "docProps/core.xml"
_CORE_NAMES = {
    "title": "title",
    "creator": "author",
    "created": "created",
    "modified": "modified",
    "subject": "subject",
    "keywords": "keywords",
    "language": "language",
}

Change = Callable[[str, bytes], bytes]


class Package:
    """The members of a zip file.

    Raises:
        ParseError: The file is no zip file, a corrupt one, or one with too many members.
    """

    def __init__(self, data: bytes, path: Path) -> None:
        self.path = path
        self._read = 0
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _BAD_ZIP as error:
            raise self.corrupt(error) from error
        self._members = {member.filename: member for member in self._zip.infolist()}
        if len(self._members) > MAX_MEMBERS:
            raise self.too_large(f"it holds more than {MAX_MEMBERS:,} files")

    @property
    def names(self) -> Iterable[str]:
        """The members' names."""
        return self._members

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def read(self, name: str) -> bytes:
        """A member's bytes.

        Raises:
            EncryptedError: The member is locked with a password.
            ParseError: The member is absent or corrupt, or more than may be unpacked.
        """
        if name not in self._members:
            raise self.corrupt(f"without {name}")
        member = self._members[name]
        if member.flag_bits & _ENCRYPTED:
            raise EncryptedError("the file is locked with a password", remedy="Save it without one", path=self.path)
        try:
            with self._zip.open(member) as file:
                content = file.read(MAX_BYTES - self._read + 1)
        except _BAD_ZIP as error:
            raise self.corrupt(error) from error
        self._read += len(content)
        if self._read > MAX_BYTES:
            raise self.too_large(f"it unpacks to more than {MAX_BYTES >> 20} MiB")
        if len(content) > max(RATIO_FROM, MAX_RATIO * member.compress_size):
            raise self.too_large(f"{name} unpacks to more than {MAX_RATIO} times its size")
        return content

    def xml(self, name: str) -> etree._Element:
        """A member's root element; entities stay unexpanded, and nothing is loaded.

        Raises:
            ParseError: As `read`, or the member is not well-formed.
        """
        try:
            return etree.fromstring(self.read(name), xml_parser())
        except (etree.XMLSyntaxError, ValueError) as error:
            raise self.corrupt(error) from error

    def plain(self, name: str) -> bytes:
        """A part of an Office Open XML package, which may not have a document type and so no entities.

        Raises:
            ParseError: As `read`, or the part has a document type.
        """
        part = self.read(name)
        if _DOCTYPE.search(part):
            raise self.corrupt("a document type in its XML")
        return part

    def plain_copy(self, change: Change = lambda _, part: part, also: tuple[str, ...] = ()) -> bytes:
        """The package for a library that unpacks it by itself: not compressed, and free of document types.

        Args:
            change: What becomes of a part, by its name.
            also: Endings of the names of other parts than XML to keep; the rest is there, but empty.

        Raises:
            ParseError: As `plain`.
        """
        copy = io.BytesIO()
        with zipfile.ZipFile(copy, "w") as package:
            for name in self._members:
                part = self.plain(name) if name.endswith((".xml", ".rels", *also)) else b""
                package.writestr(name, change(name, part))
        return copy.getvalue()

    def corrupt(self, why: str | Exception) -> ParseError:
        """The error for a file that is no sound package."""
        return corrupt(self.path, why)

    def too_large(self, what: str) -> ParseError:
        """The error for a file that holds more than is read of one."""
        return ParseError(what, remedy="Split the document, or leave it out", path=self.path)


def corrupt(path: Path, why: str | BaseException) -> ParseError:
    """The error for a file that its own program wrote otherwise."""
    reason = why if isinstance(why, str) else type(why).__name__
    return ParseError(f"the file is corrupt ({reason})", remedy="Open it in its program and save it again", path=path)


def whole_number(text: str | None, default: int = 0) -> int:
    """The number in an attribute, unless that is absent, something else, or of ten digits and more."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else default


def xml_parser(target: object = None) -> etree.XMLParser:
    """A parser that expands no entities and loads nothing."""
    safe = {"resolve_entities": False, "no_network": True, "load_dtd": False}
    return etree.XMLParser(target=target, remove_comments=True, remove_pis=True, **safe)


def related(package: Package, part: str, kind: str) -> dict[str, str]:
    """The parts of a kind that a part of an Office Open XML package refers to, by the ids of the references."""
    folder, name = posixpath.split(part)
    references = posixpath.join(folder, "_rels", f"{name}.rels")
    found = {}
    for relation in package.xml(references) if references in package else ():
        target = posixpath.normpath(posixpath.join("/", folder, relation.get("Target") or ""))
        if (relation.get("Type") or "").endswith(f"/{kind}") and relation.get("TargetMode") != "External":
            found[relation.get("Id") or ""] = target.lstrip("/")
    return found


def core_metadata(package: Package) -> tuple[str, dict[str, str]]:
    """The title and metadata of an Office Open XML package."""
    return described(package.xml(_CORE), _CORE_NAMES) if _CORE in package else ("", {})


def described(root: etree._Element, names: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The title and metadata among the elements below one, by their local names; several of a name are joined."""
    found: dict[str, list[str]] = {}
    for element in root.iter("{*}*"):
        name = names.get(etree.QName(element).localname)
        value = " ".join("".join(element.itertext()).split())
        if name and value and (name not in _DATES or _DATE.fullmatch(value)):
            found.setdefault(name, []).append(value)
    title = found.pop("title", [""])[0]
    return title, {name: values[0] if name in _DATES else ", ".join(values) for name, values in found.items()}
