"""What is laid over a PDF page: links, comments, and the values of form fields."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

import pypdfium2.raw as pdfium

from ...retrieval.records import Link, Rect
from .pdf_characters import ToDisplay, shown_rect
from .pdf_model import Row
from .text import clean

_SCHEMES = ("http://", "https://", "ftp://", "mailto:")
_WITHOUT_TEXT = {pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP, pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_UNKNOWN}
_VALUES = {
    pdfium.FPDF_FORMFIELD_TEXTFIELD,
    pdfium.FPDF_FORMFIELD_COMBOBOX,
    pdfium.FPDF_FORMFIELD_LISTBOX,
}
_TICKS = {pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON}


def read_annotations(pdf: Any, page: Any, to_display: ToDisplay) -> tuple[list[Link], list[Row]]:
    """The links to web addresses on a page; then its comments and filled form fields, in their order."""
    links: list[Link] = []
    notes: list[Row] = []
    for index in range(pdfium.FPDFPage_GetAnnotCount(page.raw)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium.FPDF_ANNOT_LINK:
            links.extend(_link(pdf, annotation, to_display))
        elif not pdfium.FPDFAnnot_GetFlags(annotation) & pdfium.FPDF_ANNOT_FLAG_HIDDEN:
            text = _field(pdf, annotation) if kind == pdfium.FPDF_ANNOT_WIDGET else _comment(annotation, kind)
            notes.extend(_rows(text, _rect(annotation, to_display)))
        pdfium.FPDFPage_CloseAnnot(annotation)
    return links, notes


def web_links(textpage: Any, to_display: ToDisplay, known: Sequence[Link]) -> list[Link]:
    """The web addresses that are written out in a page's text, where no known link lies over them."""
    handle = pdfium.FPDFLink_LoadWebLinks(textpage.raw)
    found = []
    for index in range(pdfium.FPDFLink_CountWebLinks(handle)):
        uri = _wide_string(
            lambda buffer, size, index=index: 2 * pdfium.FPDFLink_GetURL(handle, index, buffer, size // 2)
        )
        for number in range(pdfium.FPDFLink_CountRects(handle, index)):
            left, top, right, bottom = (ctypes.c_double() for _ in range(4))
            pdfium.FPDFLink_GetRect(handle, index, number, left, top, right, bottom)
            rect = shown_rect(left.value, top.value, right.value, bottom.value, to_display)
            if rect and uri.lower().startswith(_SCHEMES) and not any(_overlap(rect, link.rect) for link in known):
                found.append(Link(rect, uri))
    pdfium.FPDFLink_CloseWebLinks(handle)
    return found


def _link(pdf: Any, annotation: Any, to_display: ToDisplay) -> Iterator[Link]:
    action = pdfium.FPDFLink_GetAction(pdfium.FPDFAnnot_GetLink(annotation))
    if not action or pdfium.FPDFAction_GetType(action) != pdfium.PDFACTION_URI:
        return
    length = pdfium.FPDFAction_GetURIPath(pdf.raw, action, None, 0)
    buffer = ctypes.create_string_buffer(length)
    pdfium.FPDFAction_GetURIPath(pdf.raw, action, buffer, length)
    uri = clean(buffer.value.decode("utf-8", "replace")).strip()
    if uri.lower().startswith(_SCHEMES) and (rect := _rect(annotation, to_display)):
        yield Link(rect, uri)


def _comment(annotation: Any, kind: int) -> str:
    return "" if kind in _WITHOUT_TEXT else _text_of(annotation, b"Contents")


def _field(pdf: Any, annotation: Any) -> str:
    """A form field's name and value; nothing for one that is empty or not ticked."""
    form = pdf.formenv.raw if pdf.formenv else None
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation) if form else -1
    if kind in _VALUES:
        value = _wide_string(lambda *to: pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, *to))
    elif kind in _TICKS and pdfium.FPDFAnnot_IsChecked(form, annotation):
        value = _wide_string(lambda *to: pdfium.FPDFAnnot_GetFormFieldExportValue(form, annotation, *to))
    else:
        return ""
    name = _wide_string(lambda *to: pdfium.FPDFAnnot_GetFormFieldAlternateName(form, annotation, *to))
    name = name or _wide_string(lambda *to: pdfium.FPDFAnnot_GetFormFieldName(form, annotation, *to))
    return f"{name}: {value}" if value.strip() else ""


def _text_of(annotation: Any, key: bytes) -> str:
    return _wide_string(lambda *to: pdfium.FPDFAnnot_GetStringValue(annotation, key, *to))


def _wide_string(call: Any) -> str:
    """What a function of pdfium writes as UTF-16 into a buffer of its size in bytes, which it tells first."""
    size = call(None, 0)
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    call(buffer, size)
    return clean(bytes(buffer)[: size - 2].decode("utf-16-le", "surrogatepass")).strip()


def _rows(text: str, rect: Rect | None) -> list[Row]:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return [Row(line, rect, starts=number == 0) for number, line in enumerate(lines)]


def _rect(annotation: Any, to_display: ToDisplay) -> Rect | None:
    box = pdfium.FS_RECTF()
    if not pdfium.FPDFAnnot_GetRect(annotation, box):
        return None
    return shown_rect(box.left, box.top, box.right, box.bottom, to_display)


def _overlap(one: Rect, other: Rect) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
