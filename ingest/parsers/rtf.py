"""RTF: its paragraphs, headings, lists, tables and footnotes."""

from __future__ import annotations

import codecs
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...errors import ParseError
from ..parsed import ParsedDocument, ParseOptions
from .building import DocumentBuilder
from .lists import ListItem, add_list

_TOKEN = re.compile(
    r"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<byte>[0-9a-fA-F]{2})|\\(?P<symbol>[^a-zA-Z])"
    r"|(?P<brace>[{}])|[\r\n]+|(?P<text>[^\\{}\r\n]+)",
    re.DOTALL,
)
_START = re.compile(rb"\s*\{\\rtf")
_ITEM_NUMBER = re.compile(r"\s*\(?(\d{1,9})[.)]?\s*")
_SPECIAL = {
    **{"tab": " ", "line": "\n", "lquote": "\u2018", "rquote": "\u2019", "ldblquote": "\u201c", "rdblquote": "\u201d"},
    **{"emdash": "\u2014", "endash": "\u2013", "bullet": "\u2022", "emspace": " ", "enspace": " ", "qmspace": " "},
    **{"nestcell": " ", "nestrow": "\n", "~": "\xa0", "_": "\u2011", "-": "", "\\": "\\", "{": "{", "}": "}"},
}
_SKIPPED = frozenset(
    "fonttbl colortbl stylesheet pict object objdata nonshppict fldinst listtable listoverridetable revtbl rsidtbl "
    "generator themedata colorschememapping latentstyles datastore xmlnstbl mmathPr filetbl header headerl headerr "
    "headerf footer footerl footerr footerf ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn annotation atnauthor atnid "
    "template operator bkmkstart bkmkend sp pntxta pntxtb xe tc doccomm comment company manager hlinkbase".split()
)
_INFO = {
    **{"title": "title", "author": "author", "subject": "subject", "keywords": "keywords"},
    **{"creatim": "created", "revtim": "modified"},
}
_DATE_PARTS = ("yr", "mo", "dy", "hr", "min")
_KEPT_THOUGH_STARRED = frozenset(("shppict",))
_BODY, _SKIP, _MARK, _NOTE = "body", "skip", "listtext", "footnote"
_CODE_PAGES = {
    **{77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "cp950", 161: "cp1253"},
    **{162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874"},
    **{238: "cp1250", 254: "cp437", 255: "cp850"},
}
"""Of a font, by the number of its character set; of the others it is the document's."""


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a document in the Rich Text Format.

    Raises:
        ParseError: The file is not RTF.
    """
    if not _START.match(data):
        raise ParseError("the file is not RTF", remedy="Give it its true suffix", path=path)
    return _Reader().read(data.decode("latin-1"))


@dataclass(frozen=True, slots=True)
class _Group:
    """What holds until the brace that closes a group."""

    destination: str = _BODY
    codec: str = ""
    fallback: int = 1
    """Characters after one in Unicode that say it to old readers."""
    struck: bool = False
    deleted: bool = False
    """A change that is tracked has taken it out."""


@dataclass(slots=True)
class _Paragraph:
    """What is known of the paragraph that is being read."""

    heading: int = 0
    level: int = 0
    in_table: bool = False
    mark: str = ""
    notes: list[str] = field(default_factory=list)


class _Reader:
    """Goes once through the tokens."""

    def __init__(self) -> None:
        self._builder = DocumentBuilder()
        self._groups = [_Group()]
        self._texts: defaultdict[str, list[str]] = defaultdict(list)
        self._bytes = bytearray()
        self._skip = 0  # characters of a fallback still to come
        self._starred = False
        self._codec = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0  # in the font table, the one that is described
        self._paragraph = _Paragraph()
        self._items: list[ListItem] = []
        self._rows: list[list[str]] = []
        self._cells: list[str] = []
        self._notes = 0
        self._metadata: dict[str, str] = {}
        self._date: dict[str, int] = {}

    def read(self, source: str) -> ParsedDocument:
        at = 0
        while (token := _TOKEN.match(source, at)) or at < len(source):
            at = token.end() if token else at + 1
            if token and token["word"]:
                at += self._word(token["word"], int(token["number"]) if token["number"] else None)
            elif token:
                self._other(token)
        self._decode()
        self._end_paragraph()
        self._end_table()
        self._end_list()
        title = self._metadata.pop("title", "")
        return self._builder.build("application/rtf", title or self._builder.first_heading, self._metadata)

    def _other(self, token: re.Match[str]) -> None:
        if token["brace"]:
            self._brace(token["brace"])
        elif token["byte"]:
            self._raw(bytes.fromhex(token["byte"]))
        elif token["text"]:
            self._raw(token["text"].encode("latin-1"))
        elif token["symbol"]:
            self._symbol(token["symbol"])

    def _brace(self, brace: str) -> None:
        self._decode()
        self._skip = 0
        self._starred = False
        if brace == "{":
            self._groups.append(self._groups[-1])
        elif len(self._groups) > 1:
            ended = self._groups.pop().destination
            if ended != self._groups[-1].destination:
                self._end_destination(ended)

    def _raw(self, data: bytes) -> None:
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._bytes += data[skipped:]

    def _decode(self) -> None:
        if self._bytes:
            group = self._groups[-1]
            self._say(self._bytes.decode(group.codec or self._codec, "replace"))
            self._bytes.clear()

    def _say(self, text: str) -> None:
        group = self._groups[-1]
        if group.destination != _SKIP and not group.deleted:
            struck = group.struck and text.strip()
            self._texts[group.destination].append(f"~~{text}~~" if struck else text)

    def _take(self, destination: str) -> str:
        return "".join(self._texts.pop(destination, ())).replace("~~~~", "")

    def _symbol(self, symbol: str) -> None:
        if symbol in "\r\n":
            self._word("par", None)
        elif symbol == "*":
            self._starred = True
        elif symbol in _SPECIAL:
            self._decode()
            self._say(_SPECIAL[symbol])

    def _word(self, word: str, number: int | None) -> int:
        """Obey a control word; how many of the characters after it are no text."""
        if word == "u" and number is not None:
            self._decode()
            self._skip = self._groups[-1].fallback
            self._say(chr(number % 0x10000))
            return 0
        self._skip = 0
        if word == "bin":
            return max(number or 0, 0)
        starred, self._starred = self._starred, False
        if word in ("f", "fcharset", "ansicpg", "uc"):
            self._encoding(word, number or 0)
            return 0
        self._decode()
        if word in _SPECIAL:
            self._say(_SPECIAL[word])
        elif word in _SKIPPED or (starred and word not in _KEPT_THOUGH_STARRED):
            self._enter(_SKIP)
        elif word in _INFO or word in (_MARK, "pntext", _NOTE):
            self._enter(_MARK if word == "pntext" else word)
        elif word in _DATE_PARTS and number is not None:
            self._date[word] = number
        elif self._groups[-1].destination == _BODY:
            self._layout(word, number)
        elif word == "par":
            self._say("\n")
        return 0

    def _enter(self, destination: str) -> None:
        if self._groups[-1].destination != _SKIP:
            self._groups[-1] = replace(self._groups[-1], destination=destination)

    def _encoding(self, word: str, number: int) -> None:
        self._decode()
        group = self._groups[-1]
        if word == "f":
            self._font = number
            self._groups[-1] = replace(group, codec=self._fonts.get(number, ""))
        elif word == "fcharset":
            self._fonts[self._font] = _CODE_PAGES.get(number, "")
        elif word == "uc":
            self._groups[-1] = replace(group, fallback=max(number, 0))
        else:
            self._codec = _known_codec(f"cp{number}") or self._codec

    def _layout(self, word: str, number: int | None) -> None:
        if word in ("par", "sect", "page"):
            self._end_paragraph()
        elif word == "pard":
            self._paragraph.heading = self._paragraph.level = 0
            self._paragraph.in_table = False
        elif word in ("strike", "striked"):
            self._groups[-1] = replace(self._groups[-1], struck=number != 0)
        elif word == "deleted":
            self._groups[-1] = replace(self._groups[-1], deleted=number != 0)
        elif word == "plain":
            self._groups[-1] = replace(self._groups[-1], struck=False, deleted=False)
        elif word == "outlinelevel":
            self._paragraph.heading = min(max(number or 0, 0), 8) + 1
        elif word == "ilvl":
            self._paragraph.level = number or 0
        elif word == "intbl":
            self._paragraph.in_table = True
        elif word == "cell":
            self._cells.append(self._take(_BODY))
            self._paragraph.mark = ""
        elif word == "row":
            self._rows.append(self._cells)
            self._cells = []
        elif word == "chftn":
            self._say(f"[{self._notes + 1}]")

    def _end_destination(self, destination: str) -> None:
        if destination == _MARK:
            self._paragraph.mark = self._take(_MARK)
        elif destination == _NOTE:
            self._notes += 1
            note = " ".join(self._take(_NOTE).split())
            self._paragraph.notes.append(f"[{self._notes}] {note.removeprefix(f'[{self._notes}]').strip()}")
        elif destination in _INFO:
            text = self._take(destination)
            self._metadata[_INFO[destination]] = _iso_date(self._date) if destination.endswith("tim") else text
            self._date.clear()

    def _end_paragraph(self) -> None:
        if self._paragraph.in_table:
            self._say(" ")
            return
        text = self._take(_BODY)
        notes, self._paragraph.notes = self._paragraph.notes, []
        mark, self._paragraph.mark = self._paragraph.mark, ""
        if text.strip() or notes:
            self._end_table()
        if mark and not self._paragraph.heading:
            numbered = _ITEM_NUMBER.fullmatch(mark)
            self._items.append(ListItem(self._paragraph.level, int(numbered[1]) if numbered else None, text))
        elif text.strip():
            self._end_list()
            self._block(text, mark)
        for note in notes:
            self._end_list()
            self._builder.paragraph(note)

    def _block(self, text: str, mark: str) -> None:
        if self._paragraph.heading:
            self._builder.heading(f"{mark} {text}", self._paragraph.heading)
        else:
            self._builder.paragraph(text)

    def _end_list(self) -> None:
        add_list(self._builder, self._items)
        self._items.clear()

    def _end_table(self) -> None:
        if self._rows or self._cells:
            self._end_list()
            self._builder.table([*self._rows, self._cells])
            self._rows, self._cells = [], []


def _known_codec(name: str) -> str | None:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def _iso_date(parts: dict[str, int]) -> str:
    year, month, day, hour, minute = (parts.get(name, 0) for name in _DATE_PARTS)
    if not (1900 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60):
        return ""
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}"
