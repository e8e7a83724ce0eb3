"""A report as JUnit XML: a test for each gate and each figure it is about, and one for each suite that was not run."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from .data import Report

_NOT_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def as_junit(report: Report) -> str:
    """The file's text."""
    root = ElementTree.Element("testsuites", name="ragstone")
    gates = ElementTree.SubElement(root, "testsuite", name="gates", timestamp=report.begun)
    for gate in report.gates:
        case = _case(gates, f"{gate.unit}: {gate.metric}", gate.gate)
        if gate.state == "not met":
            ElementTree.SubElement(case, "failure", message=_text(f"{gate.gate}: {gate.reason}"), type="gate")
        elif gate.state == "not checked":
            ElementTree.SubElement(case, "skipped", message=_text(gate.reason))
    suites = ElementTree.SubElement(root, "testsuite", name="suites", timestamp=report.begun)
    for unit in report.units:
        _case(suites, unit.name, "run")
    for name, why in report.not_run.items():
        ElementTree.SubElement(_case(suites, name, "run"), "error", message=_text(why), type="not run")
    for name in report.put_off:
        ElementTree.SubElement(_case(suites, name, "run"), "skipped", message="no time was left")
    for suite in (gates, suites):
        for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(attribute, str(len(suite.findall(f"testcase/{kind}"))))
        suite.set("tests", str(len(suite)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, "unicode", xml_declaration=False) + "\n"


def _case(suite: ElementTree.Element, name: str, of: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=_text(of), name=_text(name))


def _text(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
