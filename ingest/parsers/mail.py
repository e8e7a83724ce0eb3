"""Mail: messages (.eml, .msg) and their attachments. Images on servers are not fetched."""

from __future__ import annotations

import email
import io
import mimetypes
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path

from ...errors import ParseError
from ..parsed import Block, ParsedDocument, ParseOptions, Part
from .building import DocumentBuilder
from .html import read_html
from .spans import line_spans, paragraphs
from .text import clean, decode

_MOST_HEADER = 20_000
"""Characters of a header field that are read."""
_KNOWN = (
    "from",
    "to",
    "cc",
    "bcc",
    "subject",
    "date",
    "message-id",
    "received",
    "return-path",
    "mime-version",
    "sender",
)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\:]+")
_WORD = re.compile(r"https?://\S+|\w+")
_MOST_UNSAID = 1 / 3
"""Share of the words of an HTML body that its plain text may lack: buttons, signatures, descriptions of pictures."""
_REMEDY = "Open it in a mail program and save it again"


@dataclass(slots=True)
class _Mail:
    subject: str = ""
    sender: str = ""
    to: str = ""
    cc: str = ""
    date: str = ""
    message_id: str = ""
    bodies: list[tuple[str, str]] = field(default_factory=list)
    """Media type and text of each, in order."""
    attachments: list[Part] = field(default_factory=list)


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads a message: its subject, its sender, receivers and date, and its text, with what it quotes.

    Raises:
        ParseError: The file is no message, or a corrupt one.
    """
    is_msg = path.suffix.lower() == ".msg"
    mail = _read(data, path)
    document = DocumentBuilder()
    if mail.subject:
        document.append(heading := f"# {mail.subject}", [Block("heading", 0, len(heading), 1)])
    shown = {"From": mail.sender, "To": mail.to, "Cc": mail.cc, "Date": mail.date}
    _append_plain(document, "\n".join(f"{name}: {value}" for name, value in shown.items() if value))
    for media_type, body in mail.bodies:
        if media_type == "text/html":
            inner = read_html(body, media_type)
            document.append(inner.text, inner.blocks)
        else:
            _append_plain(document, body)
    if not document.length:
        raise ParseError("the message is empty", remedy="Leave it out", path=path)
    metadata = {name.lower(): value for name, value in shown.items()}
    metadata |= {"subject": mail.subject, "message_id": mail.message_id}
    media_type = "application/vnd.ms-outlook" if is_msg else "message/rfc822"
    return document.build(media_type, mail.subject, metadata)


def parts(data: bytes, path: Path, options: ParseOptions) -> Iterator[Part]:
    """The attachments of a message. Pictures that its text shows are left out unless they have a file's name.

    Raises:
        ParseError: The file is no message, or a corrupt one.
    """
    for number, part in enumerate(_read(data, path).attachments, 1):
        yield Part(_UNSAFE.sub("_", clean(part.name)).strip(" .") or f"attachment-{number}", part.content)


def header(message: Message, name: str) -> str:
    """A header field, decoded, on one line; all of them joined by commas if there are several."""
    raws = (str(value) for key, value in message.raw_items() if key.lower() == name)
    return ", ".join(filter(None, (_decoded(raw[:_MOST_HEADER]) for raw in raws)))


def _append_plain(document: DocumentBuilder, text: str) -> None:
    text = clean(text).strip()
    document.append(text, paragraphs(text, line_spans(text)))


def _read(data: bytes, path: Path) -> _Mail:
    try:
        return _read_msg(data, path) if path.suffix.lower() == ".msg" else _read_eml(data, path)
    except (ParseError, MemoryError):
        raise
    except Exception as error:  # both libraries let through what corrupt data makes them stumble over
        what = f"the message is corrupt ({type(error).__name__})"
        raise ParseError(what, remedy=_REMEDY, path=path) from error


def _read_eml(data: bytes, path: Path) -> _Mail:
    # The older policy, because the newer one parses every header field by a slow grammar, and raises over broken ones.
    message = email.message_from_bytes(data)
    if not any(name in message for name in _KNOWN):
        raise ParseError("the file is no message: it has no header", remedy=_REMEDY, path=path)
    mail = _Mail(
        subject=header(message, "subject"),
        sender=header(message, "from"),
        to=header(message, "to"),
        cc=header(message, "cc"),
        date=_iso_date(header(message, "date")),
        message_id=header(message, "message-id"),
    )
    mail.bodies = _bodies(message, mail.attachments, path)
    return mail


def _bodies(part: Message, attachments: list[Part], path: Path) -> list[tuple[str, str]]:
    """The texts of a message to read; what else it holds is added to the attachments."""
    media_type = part.get_content_type()
    if media_type == "message/rfc822":
        attachments.append(_attached_message(part, path))
        return []
    if part.is_multipart():
        bodies = [_bodies(child, attachments, path) for child in part.get_payload() if isinstance(child, Message)]
        if media_type == "multipart/alternative":
            return _fullest([body for body in bodies if any(text.strip() for _, text in body)])
        return [text for body in bodies for text in body]
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    name, attached = _filename(part), part.get_content_disposition() == "attachment"
    if media_type in ("text/plain", "text/html") and not name and not attached:
        return [(media_type, _text(content, part, path))]
    if content and (name or attached or part.get_content_maintype() != "image"):
        suffix = mimetypes.guess_extension(media_type) or ""
        attachments.append(Part(name or f"attachment-{len(attachments) + 1}{suffix}", content))
    return []


def _fullest(bodies: list[list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """Of the forms of one text, the plain one, unless it only stands in for the last, which says much more."""
    last = bodies[-1] if bodies else []
    plain = next((body for body in bodies if body[0][0] == "text/plain"), last)
    said, all_said = _words(plain), _words(last)
    says_more = all_said.total() > said.total()
    return last if says_more and (all_said - said).total() > _MOST_UNSAID * all_said.total() else plain


def _words(bodies: list[tuple[str, str]]) -> Counter[str]:
    """The words that a person reads, each with how often it is there; an address is one word."""
    shown = (read_html(text, media_type).text if media_type == "text/html" else text for media_type, text in bodies)
    return Counter(word for text in shown for word in _WORD.findall(text.casefold()))


def _attached_message(part: Message, path: Path) -> Part:
    inner = part.get_payload()
    message = inner[0] if isinstance(inner, list) and inner else None
    if not isinstance(message, Message):
        error = ParseError("the attached message is corrupt", remedy=_REMEDY, path=path)
        return Part(_filename(part) or "message.eml", error)
    name = _filename(part) or header(message, "subject")[:100] or "message"
    name = name if name.lower().endswith(".eml") else f"{name}.eml"
    try:
        return Part(name, message.as_bytes())
    except (ValueError, LookupError, TypeError, AttributeError):  # what its charset or its headers cannot be written in
        return Part(name, ParseError("the attached message is corrupt", remedy=_REMEDY, path=path))


def _text(content: bytes, part: Message, path: Path) -> str:
    charset = part.get_content_charset()
    try:
        return clean(content.decode(charset or "utf-8"))
    except (LookupError, ValueError):
        pass
    try:
        return decode(content, path)
    except ParseError:  # neither the declared charset nor another one fits
        return clean(content.decode("utf-8", "replace"))


def _filename(part: Message) -> str:
    try:
        name = part.get_filename("")
    except (ValueError, LookupError, TypeError):  # a broken RFC 2231 parameter
        return ""
    return _decoded(str(name)[:_MOST_HEADER])


def _decoded(raw: str) -> str:
    """A header's text, on one line: encoded words decoded, and raw bytes taken for UTF-8 or else Windows-1252."""
    data = raw.encode("utf-8", "surrogateescape")
    try:
        value = data.decode()
    except UnicodeDecodeError:
        value = data.decode("cp1252", "replace")
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        pieces = [(value, None)]
    decoded = (piece if isinstance(piece, str) else _word(piece, charset) for piece, charset in pieces)
    return " ".join(clean("".join(decoded)).split())


def _word(word: bytes, charset: str | None) -> str:
    try:
        return word.decode(charset) if charset else word.decode("raw-unicode-escape")
    except (LookupError, ValueError):
        return word.decode("utf-8", "replace")


def _iso_date(value: str) -> str:
    """A date in ISO 8601, or the value, decoded, if it is none."""
    try:
        return parsedate_to_datetime(value).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return _decoded(value[:_MOST_HEADER])


def _read_msg(data: bytes, path: Path) -> _Mail:
    import oxmsg

    message = oxmsg.Message.load(io.BytesIO(data))
    headers = {name.lower(): str(value) for name, value in message.message_headers.items()}
    receivers = ", ".join(_address(to.name, to.email_address) for to in message.recipients)
    sent = message.sent_date.isoformat() if message.sent_date else ""
    mail = _Mail(
        subject=" ".join(clean(message.subject).split()),
        sender=_decoded(message.sender or ""),
        to=_decoded(headers.get("to", "")[:_MOST_HEADER] or receivers),
        cc=_decoded(headers.get("cc", "")[:_MOST_HEADER]),
        date=_iso_date(headers["date"]) if "date" in headers else sent,
        message_id=_decoded(headers.get("message-id", "")),
    )
    forms = (("text/plain", message.body or ""), ("text/html", message.html_body or ""))
    mail.bodies = _fullest([[form] for form in forms if form[1].strip()])
    what, remedy = "an Outlook item inside a message cannot be read", "Save it as a file of its own"
    for attached in message.attachments:
        name, content = attached.file_name or "", attached.file_bytes
        mail.attachments.append(Part(name, ParseError(what, remedy=remedy, path=path) if content is None else content))
    return mail


def _address(name: str, address: str) -> str:
    return f"{name} <{address}>" if name and address and name != address else name or address
