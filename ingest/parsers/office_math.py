"""Equations of Office documents (OMML) as text, in the manner of LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lxml import etree

_INTEGRAL = "∫"  # what an operator is when nothing else is said


def math_text(element: etree._Element) -> str:
    """An equation, or a part of one, as a line of text."""
    name = etree.QName(element).localname
    if name == "t":
        return element.text or ""
    if name in _WRITERS:
        return _WRITERS[name](element)
    return "" if name.endswith("Pr") else "".join(map(math_text, element.iterchildren("{*}*")))


def _part(element: etree._Element, name: str) -> str:
    found = element.find(f"{{*}}{name}")
    return math_text(found).strip() if found is not None else ""


def _script(mark: str, text: str) -> str:
    if not text:
        return ""
    return f"{mark}{text}" if len(text) == 1 else f"{mark}{{{text}}}"


def _property(element: etree._Element, name: str, default: str) -> str:
    """A property's value; one that is there without a value means none."""
    for found in element.iterfind(f"{{*}}{etree.QName(element).localname}Pr/{{*}}{name}"):
        return next((value for key, value in found.attrib.items() if key.endswith("}val")), "")
    return default


def _fraction(element: etree._Element) -> str:
    top, bottom = _part(element, "num"), _part(element, "den")
    if _property(element, "type", "bar") == "noBar":
        return f"\\binom{{{top}}}{{{bottom}}}"
    return f"\\frac{{{top}}}{{{bottom}}}"


def _scripts(element: etree._Element) -> str:
    return _part(element, "e") + _script("_", _part(element, "sub")) + _script("^", _part(element, "sup"))


def _before(element: etree._Element) -> str:
    return _script("_", _part(element, "sub")) + _script("^", _part(element, "sup")) + _part(element, "e")


def _limit(mark: str) -> Callable[[etree._Element], str]:
    return lambda element: _part(element, "e") + _script(mark, _part(element, "lim"))


def _operator(element: etree._Element) -> str:
    limits = _script("_", _part(element, "sub")) + _script("^", _part(element, "sup"))
    return f"{_property(element, 'chr', _INTEGRAL)}{limits} {_part(element, 'e')}"


def _root(element: etree._Element) -> str:
    degree = _part(element, "deg")
    return f"\\sqrt{f'[{degree}]' if degree else ''}{{{_part(element, 'e')}}}"


def _brackets(element: etree._Element) -> str:
    inside = _property(element, "sepChr", "|").join(map(math_text, element.iterfind("{*}e")))
    return f"{_property(element, 'begChr', '(')}{inside}{_property(element, 'endChr', ')')}"


def _function(element: etree._Element) -> str:
    return f"{_part(element, 'fName')} {_part(element, 'e')}"


def _accent(element: etree._Element) -> str:
    return _part(element, "e") + _property(element, "chr", "\u0302")


def _matrix(element: etree._Element) -> str:
    return " \\\\ ".join(" & ".join(map(math_text, row.iterfind("{*}e"))) for row in element.iterfind("{*}mr"))


def _lines(element: etree._Element) -> str:
    return " \\\\ ".join(map(math_text, element.iterfind("{*}e")))


def _equations(element: etree._Element) -> str:
    return " ".join(map(math_text, element.iterfind("{*}oMath")))


_WRITERS: Mapping[str, Callable[[etree._Element], str]] = {
    "f": _fraction,
    "sSup": _scripts,
    "sSub": _scripts,
    "sSubSup": _scripts,
    "sPre": _before,
    "limLow": _limit("_"),
    "limUpp": _limit("^"),
    "nary": _operator,
    "rad": _root,
    "d": _brackets,
    "func": _function,
    "acc": _accent,
    "m": _matrix,
    "eqArr": _lines,
    "oMathPara": _equations,
}
