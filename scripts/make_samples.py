"""Build the PDF and DOCX sample documents from the text sources in scripts/samples/.

Run it from anywhere with `python scripts/make_samples.py`; it needs reportlab and python-docx.
Each source `scripts/samples/<folder>/<name>.<format>.txt` becomes `app/samples/<folder>/<name>.<format>`,
and building again from the same sources gives the same bytes.

A source starts with `key: value` lines (title, subtitle, author, subject, date) up to a blank line.
The body is a small subset of Markdown: `#` and `##` headings, paragraphs, `-` and `1.` lists, tables,
`**bold**`, `*italic*`, and `---` for a page break. A paragraph that begins with a number such as `4.2`
is set as a numbered clause.
"""

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph as WordParagraph
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import cm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    HRFlowable,
    KeepTogether,
    ListFlowable,
    ListItem,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "scripts" / "samples"
TARGET = ROOT / "app" / "samples"

ACCENT = "#1f4e5f"
MARGIN = 2.2 * cm
FONT_FILES = {
    "Vera": "Vera.ttf",
    "Vera-Bold": "VeraBd.ttf",
    "Vera-Italic": "VeraIt.ttf",
    "Vera-BoldItalic": "VeraBI.ttf",
}

CLAUSE = re.compile(r"(\d+\.\d+)\s+(.*)", re.DOTALL)
ITEM = re.compile(r"(?:-|\d+\.)\s+(.*)", re.DOTALL)
INLINE = re.compile(r"\*\*(.+?)\*\*|\*(.+?)\*")
NUMBER = re.compile(r"[-+]?(?:EUR )?[\d.,]+(?: %)?")


@dataclass(frozen=True)
class Block:
    """One piece of the body; kind is heading, text, clause, bullets, steps, table or break."""

    kind: str
    text: str = ""
    level: int = 0
    label: str = ""
    items: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Source:
    """A parsed source file: the fields of its head and the blocks of its body."""

    head: dict[str, str]
    blocks: tuple[Block, ...]

    @property
    def date(self) -> datetime:
        """The date of the document."""
        return datetime.fromisoformat(self.head["date"])


def parse(text: str) -> Source:
    """Split a source text into its head and its blocks."""
    head_text, _, body = text.partition("\n\n")
    head = {}
    for line in head_text.splitlines():
        key, _, value = line.partition(": ")
        head[key] = value.strip()
    chunks = re.split(r"\n\s*\n", body.strip())
    return Source(head, tuple(parse_block(chunk.strip()) for chunk in chunks))


def parse_block(chunk: str) -> Block:
    """Turn the text between two blank lines into a block."""
    if chunk == "---":
        return Block("break")
    if chunk.startswith("#"):
        marks, _, title = chunk.partition(" ")
        return Block("heading", text=title, level=len(marks))
    if chunk.startswith("|"):
        lines = [line for line in chunk.splitlines() if not set(line) <= set("|-: ")]
        return Block("table", rows=tuple(tuple(cell.strip() for cell in line.strip("| ").split("|")) for line in lines))
    if ITEM.match(chunk):
        parts = re.split(r"\n(?=(?:-|\d+\.)\s)", chunk)
        items = tuple(fold(match[1]) for match in map(ITEM.match, parts) if match)
        return Block("bullets" if chunk.startswith("-") else "steps", items=items)
    if clause := CLAUSE.match(chunk):
        return Block("clause", label=clause[1], text=fold(clause[2]))
    return Block("text", text=fold(chunk))


def fold(text: str) -> str:
    """A text with its line breaks and runs of blanks made single spaces."""
    return " ".join(text.split())


# PDF


def pdf_markup(text: str) -> str:
    """Inline marks as the tags that reportlab paragraphs know."""
    return INLINE.sub(lambda m: f"<b>{m[1]}</b>" if m[1] else f"<i>{m[2]}</i>", escape(text))


def pdf_styles() -> dict[str, ParagraphStyle]:
    """Register the fonts that come with reportlab (they are embedded) and build the styles."""
    for name, file in FONT_FILES.items():
        pdfmetrics.registerFont(TTFont(name, file))
    pdfmetrics.registerFontFamily("Vera", *FONT_FILES)
    body = ParagraphStyle(
        "body", fontName="Vera", fontSize=9.2, leading=13.8, spaceAfter=7, bulletFontName="Vera", bulletFontSize=9.2
    )
    style = partial(ParagraphStyle, parent=body)
    cell = style("cell", fontSize=8, leading=10.5, spaceAfter=0)
    return {
        "text": body,
        "title": style("title", fontName="Vera-Bold", fontSize=20, leading=26, textColor=ACCENT, spaceAfter=4),
        "subtitle": style("subtitle", fontSize=11, leading=15, textColor="#555555", spaceAfter=6),
        "h1": style(
            "h1", fontName="Vera-Bold", fontSize=13.5, leading=18, textColor=ACCENT, spaceBefore=14, spaceAfter=6
        ),
        "h2": style("h2", fontName="Vera-Bold", fontSize=10.2, leading=14, spaceBefore=8, spaceAfter=4),
        "clause": style("clause", leftIndent=30, bulletIndent=0),
        "item": style("item", spaceAfter=3),
        "cell": cell,
        "number": ParagraphStyle("number", parent=cell, alignment=TA_RIGHT),
        "cell-head": ParagraphStyle("cell-head", parent=cell, fontName="Vera-Bold", textColor="#ffffff"),
        "number-head": ParagraphStyle(
            "number-head", parent=cell, fontName="Vera-Bold", textColor="#ffffff", alignment=TA_RIGHT
        ),
    }


class PdfTemplate(BaseDocTemplate):
    """A page with a running footer, and an outline entry for every heading."""

    def __init__(self, target: BytesIO, head: dict[str, str]) -> None:
        super().__init__(
            target,
            pagesize=A4,
            invariant=1,
            lang="en",
            title=head["title"],
            author=head["author"],
            subject=head["subject"],
            creator="scripts/make_samples.py",
            leftMargin=MARGIN,
            rightMargin=MARGIN,
            topMargin=2 * cm,
            bottomMargin=2.4 * cm,
        )
        self.footer = f"{head['author']}  |  {head['title']}"
        self.entries = 0
        frame = Frame(self.leftMargin, self.bottomMargin, self.width, self.height, 0, 0, 0, 0)
        self.addPageTemplates(PageTemplate("page", [frame], onPage=self.draw_footer))

    def draw_footer(self, canvas: Canvas, _: BaseDocTemplate) -> None:
        """Draw the line, the title and the page number below the text."""
        canvas.saveState()
        canvas.setStrokeColor(HexColor("#bbbbbb"))
        canvas.line(MARGIN, 1.75 * cm, A4[0] - MARGIN, 1.75 * cm)
        canvas.setFont("Vera", 7.5)
        canvas.setFillColor(HexColor("#555555"))
        canvas.drawString(MARGIN, 1.3 * cm, self.footer)
        canvas.drawRightString(A4[0] - MARGIN, 1.3 * cm, f"Page {canvas.getPageNumber()}")
        canvas.restoreState()

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802
        """Called by reportlab after each flowable is placed."""
        name = flowable.style.name if isinstance(flowable, Paragraph) else ""
        if name in ("h1", "h2"):
            self.entries += 1
            key = f"h{self.entries}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(flowable.getPlainText(), key, level=int(name[1]) - 1)


def pdf_table(rows: tuple[tuple[str, ...], ...], styles: dict[str, ParagraphStyle], width: float) -> Table:
    """A table with a coloured head row, columns as wide as their longest cells ask for."""
    columns = list(zip(*rows, strict=True))
    kinds = ["number" if all(map(NUMBER.fullmatch, column[1:])) else "cell" for column in columns]
    cells = [
        [
            Paragraph(pdf_markup(text), styles[kind if n else f"{kind}-head"])
            for kind, text in zip(kinds, row, strict=True)
        ]
        for n, row in enumerate(rows)
    ]
    weights = [min(max(map(len, column)), 45) + 4 for column in columns]
    table = Table(
        cells,
        repeatRows=1,
        spaceBefore=4,
        spaceAfter=12,
        colWidths=[width * weight / sum(weights) for weight in weights],
    )
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), HexColor(ACCENT)),
                ("ROWBACKGROUNDS", (0, 1), (-1, -1), [HexColor("#ffffff"), HexColor("#eef3f5")]),
                ("LINEBELOW", (0, -1), (-1, -1), 0.6, HexColor(ACCENT)),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ]
        )
    )
    return table


def pdf_flowable(block: Block, styles: dict[str, ParagraphStyle], width: float) -> Flowable:
    """One block as one flowable."""
    match block.kind:
        case "heading":
            return Paragraph(pdf_markup(block.text), styles[f"h{block.level}"])
        case "clause":
            return Paragraph(pdf_markup(block.text), styles["clause"], bulletText=block.label)
        case "bullets" | "steps":
            items = [ListItem(Paragraph(pdf_markup(item), styles["item"])) for item in block.items]
            look: dict[str, Any] = {"bulletType": "bullet", "start": "•"}
            if block.kind == "steps":
                look = {"bulletType": "1", "bulletFormat": "%s."}
            return ListFlowable(items, leftIndent=20, bulletFontName="Vera", bulletFontSize=9.2, spaceAfter=5, **look)
        case "table":
            return pdf_table(block.rows, styles, width)
        case "break":
            return PageBreak()
    return Paragraph(pdf_markup(block.text), styles["text"])


def build_pdf(source: Source) -> bytes:
    """The PDF file of a source; headings stay with what follows them, and tables are not split."""
    styles = pdf_styles()
    buffer = BytesIO()
    template = PdfTemplate(buffer, source.head)
    story: list[Flowable] = [
        Paragraph(pdf_markup(source.head["title"]), styles["title"]),
        Paragraph(pdf_markup(source.head["subtitle"]), styles["subtitle"]),
        HRFlowable(width="100%", thickness=1.5, color=HexColor(ACCENT)),
        Spacer(1, 12),
    ]
    group: list[Flowable] = []
    for block in source.blocks:
        group.append(pdf_flowable(block, styles, template.width))
        if block.kind != "heading":
            story.append(KeepTogether(group) if block.kind == "table" or len(group) > 1 else group[0])
            group = []
    template.build(story)
    return buffer.getvalue()


# DOCX


def add_runs(paragraph: WordParagraph, text: str) -> None:
    """Append a text to a paragraph, inline marks as bold and italic runs."""
    end = 0
    for mark in INLINE.finditer(text):
        paragraph.add_run(text[end : mark.start()])
        run = paragraph.add_run(mark[1] or mark[2])
        run.bold = bool(mark[1])
        run.italic = bool(mark[2])
        end = mark.end()
    paragraph.add_run(text[end:])


def add_steps(document: Document, items: tuple[str, ...]) -> None:
    """Add a numbered list that starts at 1, whatever lists came before it."""
    style = document.styles["List Number"]
    numbering = document.part.numbering_part.element
    base = numbering.num_having_numId(style.element.pPr.numPr.numId.val)
    num = numbering.add_num(base.abstractNumId.val)
    num.add_lvlOverride(0).add_startOverride(1)
    for item in items:
        paragraph = document.add_paragraph(style=style)
        add_runs(paragraph, item)
        paragraph._p.get_or_add_pPr().get_or_add_numPr().get_or_add_numId().val = num.numId


def add_table(document: Document, rows: tuple[tuple[str, ...], ...]) -> None:
    """Add a table whose first row is bold and repeats on every page."""
    table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Light Grid Accent 1")
    for n, row in enumerate(rows):
        for cell, text in zip(table.rows[n].cells, row, strict=True):
            paragraph = cell.paragraphs[0]
            add_runs(paragraph, text)
            paragraph.paragraph_format.space_after = Pt(0)
            if n and NUMBER.fullmatch(text):
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    document.add_paragraph()


def add_block(document: Document, block: Block) -> None:
    """Add one block at the end of a document."""
    match block.kind:
        case "heading":
            document.add_heading(block.text, level=block.level)
        case "clause":
            paragraph = document.add_paragraph()
            paragraph.paragraph_format.left_indent = Cm(1.1)
            paragraph.paragraph_format.first_line_indent = Cm(-1.1)
            paragraph.paragraph_format.tab_stops.add_tab_stop(Cm(1.1))
            add_runs(paragraph, f"{block.label}\t{block.text}")
        case "bullets":
            for item in block.items:
                add_runs(document.add_paragraph(style="List Bullet"), item)
        case "steps":
            add_steps(document, block.items)
        case "table":
            add_table(document, block.rows)
        case "break":
            document.add_paragraph().paragraph_format.page_break_before = True
        case "text":
            add_runs(document.add_paragraph(), block.text)


def same_dates(package: bytes, date: datetime) -> bytes:
    """Rewrite a zip package with one fixed date on all its members."""
    buffer = BytesIO()
    with zipfile.ZipFile(BytesIO(package)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, date.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))
    return buffer.getvalue()


def build_docx(source: Source) -> bytes:
    """The DOCX file of a source."""
    document = docx.Document()
    normal = document.styles["Normal"]
    normal.font.name = "Calibri"
    normal.font.size = Pt(11)
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.footer.paragraphs[0].text = f"{source.head['author']} | {source.head['title']}"
    properties = document.core_properties
    properties.title = source.head["title"]
    properties.author = properties.last_modified_by = source.head["author"]
    properties.subject = source.head["subject"]
    properties.comments = ""
    properties.created = properties.modified = source.date
    document.add_heading(source.head["title"], level=0)
    subtitle = document.add_paragraph().add_run(source.head["subtitle"])
    subtitle.italic = True
    subtitle.font.color.rgb = RGBColor(0x55, 0x55, 0x55)
    for block in source.blocks:
        add_block(document, block)
    buffer = BytesIO()
    document.save(buffer)
    return same_dates(buffer.getvalue(), source.date)


BUILDERS: dict[str, Callable[[Source], bytes]] = {".pdf": build_pdf, ".docx": build_docx}


def main() -> None:
    """Build every source."""
    for path in sorted(SOURCES.rglob("*.txt")):
        target = TARGET / path.relative_to(SOURCES).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(BUILDERS[target.suffix](parse(path.read_text(encoding="utf-8"))))
        print(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
