"""What is known of a PDF before its text is put together: rows on pages, and what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...retrieval.records import Link, Rect

MAX_LEVEL = 6


@dataclass(slots=True)
class Row:
    """A line, or a piece of one, as it stands on a page."""

    text: str
    rect: Rect | None = None
    baseline: float | None = None
    """Points from the top of the page."""
    size: float = 0.0
    """Of its letters, in points; 0 where it is not known."""
    bold: bool = False
    follows: bool = False
    """It stands on one line with the row before it, with a gap between them as wide as those between columns."""
    starts: bool = False
    """It begins a paragraph."""
    hyphenated: bool = False
    """Its last word goes on in the next row."""
    level: int = 0
    """Of a heading, or of a part of one that goes over several rows: 1 (outermost) to 6. Otherwise 0."""
    cells: tuple[Row, ...] = ()
    """Its pieces, if there are several."""

    @property
    def left(self) -> float:
        """The left side of its rectangle."""
        return self.rect[0] if self.rect else 0.0

    @property
    def right(self) -> float:
        """The right side of its rectangle."""
        return self.rect[2] if self.rect else 0.0


@dataclass(frozen=True, slots=True)
class Bookmark:
    """An entry of a document's outline; `page` counts from 0, `level` from 1."""

    title: str
    page: int
    level: int


@dataclass(slots=True)
class RawPage:
    """A page as a reader gives it."""

    rows: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)
    """The text of annotations and the values of form fields, which belong to no line of the page."""
    size: tuple[float, float] = (0.0, 0.0)
    """Width and height as it is shown, in points."""
    label: str = ""
    links: tuple[Link, ...] = ()
    scanned: bool = False
    """It has hardly any text, and an image covers most of it."""
    blank: bool = False
    """Nothing is drawn on it."""
    ocr: bool = False


@dataclass(frozen=True, slots=True)
class RawPdf:
    """A PDF's pages; one that could not be opened is None."""

    pages: list[RawPage | None]
    outline: list[Bookmark] = field(default_factory=list)
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Title, author and the like, by their names in lower case; dates as the PDF writes them."""
