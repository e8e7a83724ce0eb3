"""What a PDF says of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from .pdf_unicode import normal
from .text import clean

_NAMES = {
    "title": "title",
    "author": "author",
    "subject": "subject",
    "keywords": "keywords",
    "creationdate": "created",
    "moddate": "modified",
}
_NO_TITLES = {"untitled", "anonymous", "(anonymous)", "unspecified", "(unspecified)"}
_PROGRAM = re.compile(r"^Microsoft (?:Word|PowerPoint|Excel) - |\.(?:docx?|pptx?|xlsx?|dvi|tex|indd|qxd|pdf|rtf|odt)$")
_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([-+Z])(?:(\d\d)'?(\d\d)?)?)?")


def described(raw: Mapping[str, str]) -> dict[str, str]:
    """The known ones of a PDF's entries, by the names that Ragstone gives them; dates in ISO 8601."""
    found = {}
    for key, name in _NAMES.items():
        value = " ".join(normal(clean(raw.get(key, ""))).split())
        value = iso_date(value) if name in ("created", "modified") else _filled(value)
        if value:
            found[name] = value
    return found


def document_title(metadata: Mapping[str, str]) -> str:
    """The title without the marks of the program that wrote it."""
    return _PROGRAM.sub("", _PROGRAM.sub("", metadata.get("title", ""))).strip()


def iso_date(text: str) -> str:
    """A date as PDF writes it, such as D:20240131093000+01'00', in ISO 8601; empty if it is none."""
    match = _DATE.match(text)
    if not match:
        return ""
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups()[:6])
    try:
        date = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=_zone(match))
    except ValueError:
        return ""
    return date.isoformat() if hour is not None else date.date().isoformat()


def _zone(match: re.Match[str]) -> timezone | None:
    sign, hours, minutes = match.groups()[6:]
    if sign is None:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return timezone(-offset if sign == "-" else offset)


def _filled(value: str) -> str:
    return "" if value.casefold() in _NO_TITLES else value
