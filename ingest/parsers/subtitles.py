"""Subtitles: what is said, as running text with the time at the start of every paragraph."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pysubs2

from ...errors import ParseError
from ..parsed import ParsedDocument, ParseOptions
from .building import DocumentBuilder
from .text import decode

_MEDIA_TYPES = {".srt": "application/x-subrip", ".vtt": "text/vtt"}
_FORMATS = {".vtt": "vtt", ".ass": "ass", ".ssa": "ssa"}
_SPEAKER = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]{1,100})>")
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9]")  # pysubs2's own test takes the square of the number of a line's tags
_TAG = re.compile(r"<[^<>]*>|\{[^{}]*\}")
_BLANK_LINES = re.compile(r"\n{3,}")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)\]♪]*$")
_LONGEST_PARAGRAPH = 600
"""Characters, from which on the end of a sentence ends a paragraph; twice as many always end it."""
_LONGEST_PAUSE_MS = 4000
_USUAL_FPS = 23.976
"""Pictures per second, which MicroDVD files count in and seldom name."""


def parse(data: bytes, path: Path, options: ParseOptions) -> ParsedDocument:
    """Reads subtitles in SubRip, WebVTT, SubStation Alpha, MicroDVD or MPL2.

    Raises:
        ParseError: The file holds no subtitles.
    """
    text = _BLANK_LINES.sub("\n\n", decode(data, path))
    builder = DocumentBuilder()
    paragraph: list[_Cue] = []
    for cue in _without_repeats(_cues(_load(text, path), path.suffix.lower() == ".vtt")):
        if paragraph and _parts(paragraph, cue):
            builder.paragraph(_paragraph(paragraph))
            paragraph = []
        paragraph.append(cue)
    if not paragraph:
        raise ParseError("the file holds no subtitles", remedy="Check that its suffix is true", path=path)
    builder.paragraph(_paragraph(paragraph))
    return builder.build(_MEDIA_TYPES.get(path.suffix.lower(), "text/x-ssa"))


@dataclass(frozen=True, slots=True)
class _Cue:
    """What one person says at one time, in milliseconds."""

    start: int
    end: int
    speaker: str
    text: str


def _load(text: str, path: Path) -> pysubs2.SSAFile:
    remedy = "Check that its suffix is true, or save it as .srt"
    kind = _FORMATS.get(path.suffix.lower())  # else by the first lines
    try:
        return pysubs2.SSAFile.from_string(text, format_=kind, fps=_USUAL_FPS, keep_html_tags=True)
    except MemoryError:
        raise
    except Exception as error:  # pysubs2 lets through what its parsers raise on corrupt input
        what = f"the file holds no subtitles that can be read ({type(error).__name__})"
        raise ParseError(what, remedy=remedy, path=path) from error


def _cues(file: pysubs2.SSAFile, is_vtt: bool) -> Iterator[_Cue]:
    for event in file:
        if event.is_comment or _DRAWING.search(event.text):
            continue
        text = event.text.replace(r"\h", " ").replace(r"\n", "\n").replace(r"\N", "\n")
        if is_vtt:  # below a blank line stands the name of the next cue, or a note
            text = html.unescape(text.partition("\n\n")[0])
        speaker = event.name.strip()
        pieces = _SPEAKER.split(text)
        for name, said in [(speaker, pieces[0]), *zip(pieces[1::2], pieces[2::2], strict=True)]:
            if words := " ".join(_TAG.sub("", said).split()):
                yield _Cue(event.start, event.end, " ".join(name.split()), words)


def _without_repeats(cues: Iterator[_Cue]) -> Iterator[_Cue]:
    """The cues, less what a rolling caption shows again from the one before it."""
    shown = ""
    for cue in cues:
        new = cue.text[_overlap(shown, cue.text) :].strip()
        shown = cue.text
        if new:
            yield _Cue(cue.start, cue.end, cue.speaker, new)


def _overlap(before: str, text: str) -> int:
    """How many characters at the start of a text repeat the end of the one before: whole words, and more than one."""
    if before == text:
        return len(text)
    words = before.split()
    for first in range(max(len(words) - 40, 0), len(words) - 1):
        tail = " ".join(words[first:])
        if text == tail or text.startswith(tail + " "):
            return len(tail)
    return 0


def _parts(paragraph: list[_Cue], cue: _Cue) -> bool:
    """Whether a new paragraph begins with a cue."""
    last, length = paragraph[-1], sum(len(said.text) + 1 for said in paragraph)
    if cue.start - last.end > _LONGEST_PAUSE_MS or length > 2 * _LONGEST_PARAGRAPH:
        return True
    return length > _LONGEST_PARAGRAPH and bool(_SENTENCE_END.search(last.text))


def _paragraph(cues: list[_Cue]) -> str:
    seconds = cues[0].start // 1000
    text, speaker = f"[{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}]", ""
    for cue in cues:
        if cue.speaker and cue.speaker != speaker:
            text += f"\n{cue.speaker}:" if speaker else f" {cue.speaker}:"
        speaker = cue.speaker or speaker
        text += f" {cue.text}"
    return text
