import time
from email.message import EmailMessage
from pathlib import Path

import pytest

from ragstone.errors import ParseError
from ragstone.ingest.parsed import ParsedDocument, ParseOptions, Part
from ragstone.ingest.parsers import mail

HEAD = b"From: a@b.c\nSubject: Hi\n"


def parse(data: bytes, name: str = "x.eml") -> ParsedDocument:
    document = mail.parse(data, Path(name), ParseOptions())
    end = 0
    for block in document.blocks:
        assert not document.text[end : block.char_start].strip()
        assert document.text[block.char_start : block.char_end].strip()
        end = block.char_end
    assert not document.text[end:].strip()
    return document


def parts(data: bytes, name: str = "x.eml") -> list[Part]:
    return list(mail.parts(data, Path(name), ParseOptions()))


def message(body: str = "Hello.\n\nBye.") -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Ann Müller <ann@example.com>"
    made["To"] = "bob@example.com, Eve <eve@example.com>"
    made["Date"] = "Tue, 02 Jan 2024 03:04:05 +0100"
    made["Subject"] = "Grüße aus Köln"
    made["Message-ID"] = "<1@example.com>"
    made.set_content(body)
    return made


def test_a_message_is_its_subject_its_header_and_its_text():
    document = parse(message().as_bytes())
    assert document.text == (
        "# Grüße aus Köln\n\nFrom: Ann Müller <ann@example.com>\nTo: bob@example.com, Eve <eve@example.com>\n"
        "Date: 2024-01-02T03:04:05+01:00\n\nHello.\n\nBye."
    )
    assert [block.kind for block in document.blocks] == ["heading", "paragraph", "paragraph", "paragraph"]
    assert document.title == "Grüße aus Köln"
    assert document.metadata == {
        "from": "Ann Müller <ann@example.com>",
        "to": "bob@example.com, Eve <eve@example.com>",
        "date": "2024-01-02T03:04:05+01:00",
        "subject": "Grüße aus Köln",
        "message_id": "<1@example.com>",
    }


def test_plain_text_goes_before_html():
    made = message("plain")
    made.add_alternative("<p>rich</p>", subtype="html")
    assert parse(made.as_bytes()).text.endswith("\n\nplain")


def test_html_goes_before_a_plain_text_that_only_stands_in_for_it():
    made = message("Please view this message in HTML.")
    made.add_alternative("<p>The opponent offers GBP 31,000 to settle the Farrow case.</p>", subtype="html")
    assert parse(made.as_bytes()).text.endswith("\n\nThe opponent offers GBP 31,000 to settle the Farrow case.")
    cut = message("The opponent offers GBP 31,000. [message clipped]")
    said = "The opponent offers GBP 31,000 to settle the Farrow case, and wants an answer by Friday."
    cut.add_alternative(f"<p>{said}</p>", subtype="html")
    assert parse(cut.as_bytes()).text.endswith(said)


def test_plain_text_goes_before_html_that_says_little_more_than_it():
    body = "The opponent offers GBP 31,000 to settle. See https://example.com/settle?case=farrow&mail=12345"
    made = message(body)
    rich = "<p>The opponent offers <b>GBP 31,000</b> to settle. See <a href='x'>here</a>.</p><p>View in browser</p>"
    made.add_alternative(rich, subtype="html")
    assert parse(made.as_bytes()).text.endswith(body)


def test_html_is_read_when_there_is_no_plain_text():
    made = message()
    made.set_content("<h2>News</h2><p>All is <b>well</b>.</p><img src='http://example.com/x.png'>", subtype="html")
    document = parse(made.as_bytes())
    assert document.text.endswith("\n\n## News\n\nAll is well.")
    assert [block.level for block in document.blocks if block.kind == "heading"] == [1, 2]


def test_a_footer_of_plain_text_does_not_replace_the_html_before_it():
    parted = b"\n--b\nContent-Type: text/html\n\n<p>Body</p>\n--b\nContent-Type: text/plain\n\nFooter\n--b--\n"
    data = HEAD + b"Content-Type: multipart/mixed; boundary=b\n" + parted
    assert parse(data).text.endswith("Body\n\nFooter")


def test_attachments_are_parts_and_pictures_in_the_text_are_not():
    made = message()
    made.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="Übersicht/1.pdf")
    made.add_attachment("a,b", subtype="csv")
    made.add_attachment(b"\x89PNG", maintype="image", subtype="png", cid="<logo>", disposition="inline")
    assert parts(made.as_bytes()) == [Part("Übersicht_1.pdf", b"%PDF-"), Part("attachment-2.csv", b"a,b\n")]


def test_an_attached_message_is_a_part():
    inner, outer = message("inner"), message("outer")
    outer.add_attachment(inner)
    (part,) = parts(outer.as_bytes())
    assert part.name == "Grüße aus Köln.eml" and isinstance(part.content, bytes)
    assert parse(part.content).text.endswith("\n\ninner")
    assert parse(outer.as_bytes()).text.endswith("\n\nouter")


@pytest.mark.parametrize(
    ("charset", "body"),
    [
        ("utf-8", "Größe".encode()),
        ("latin-1", b"Gr\xf6\xdfe"),
        ("nonsense", "Größe".encode()),
        ("us-ascii", "Größe".encode()),
        ("utf-8", "Größe".encode("cp1252")),
        ("", "Größe".encode()),
    ],
)
def test_text_is_read_whatever_charset_is_declared(charset: str, body: bytes):
    content_type = f"Content-Type: text/plain; charset={charset}\n\n".encode()
    assert parse(HEAD + content_type + body).text.endswith("\n\nGröße")


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("Größe".encode(), "Größe"),
        (b"Gr\xf6\xdfe", "Größe"),
        (b"=?nope?q?Hi?=", "Hi"),
        (b"=?utf-8?b?A?=", None),
        (b"=?iso-8859-1?q?Gr=F6=DFe?=\n =?utf-8?q?_und?=", "Größe und"),
        (b"a\n b", "a b"),
    ],
)
def test_broken_headers_do_not_raise(raw: bytes, subject: str | None):
    document = parse(b"From: a@b.c\nDate: soon\nSubject: " + raw + b"\n\ntext")
    assert subject is None or document.title == subject
    assert "Date: soon" in document.text


@pytest.mark.parametrize("name", ["x.eml", "x.msg"])
def test_what_is_no_message_is_refused(name: str):
    for data in (
        b"\x89PNG\r\n\x1a\n\0\0" + bytes(range(256)),
        b"just words",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 300,
    ):
        with pytest.raises(ParseError):
            parse(data, name)
        with pytest.raises(ParseError):
            parts(data, name)


def test_a_thousand_nested_parts_are_refused_in_time():
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1000))
    start = time.monotonic()
    with pytest.raises(ParseError, match="RecursionError"):
        parse(HEAD + nested + b"\ntext")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("date", ["\0\0\0", "soon\0", "=?utf-8?q?s=00oon?="])
def test_a_damaged_date_is_clean_text(date: str):
    assert "\0" not in mail._iso_date(date)


def test_outlook_messages_are_read_like_others(bench_data: Path):
    for kind in ("eml", "msg"):
        path = bench_data / "documents/docling/email/sources" / f"{kind}_with_attachment.{kind}"
        document = parse(path.read_bytes(), path.name)
        assert document.title == "Email with Attachment"
        assert "To: Bob Example <bob@example.com>" in document.text
        assert parts(path.read_bytes(), path.name)[0].name == "test.txt"
