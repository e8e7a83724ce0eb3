"""Whether a sentence says that something is there or not: "offers takeout, but no delivery".

Told by frames that are sure; where neither an affirming nor a denying one is found, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_FINITE = (
    r"(?:is|are|was|were|has|had|does|did|can|cannot|may|might|will|must|(?:offer|provide|accept|feature|allow|take|serve"
    r"|include|play|welcome|deliver|lack|give|cost|come|work|support)s|(?:is|are|does|ca)n['’]t|they|you|we|guests"
    r"|customers|visitors|patrons)\b"
)
_BREAK = re.compile(
    r"[;:()]|\.(?=\s|$)|\s[-–—]\s|,?\s+(?:but|although|though|while|whereas|however(?!,)|except)\b"
    r"|,\s+(?:with|only|plus|yet|which|who|as(?!\s+of)|so|since)\b|\s+because\b"
    rf"|(?P<joint>(?:,|,?\s+and)\s+(?!or\b|nor\b)(?=(?:[\w'’/-]+\s+){{0,5}}?{_FINITE}))",
    re.IGNORECASE,
)
"""Where one statement ends and another begins; at a joint only if there is one before it."""
_STATES = re.compile(rf"\b(?:{_FINITE}|(?:have|offer|no|not)\b)", re.IGNORECASE)
_ASIDE = r"(?:\s+(?:all|both|also|currently|either|each|listed|marked|noted|tagged|shown|set|as|to|be|being))*"
_THERE = (
    r"(?:available|offered|provided|accepted|allowed|possible|included|present|supported|enabled|permitted|there|welcome"
    r"|on\s+offer|on\s+site|on\s+board|(?:turned|switched)\s+on)\b"
)
_LIST = r"(?:(?:,\s*|\s+)(?!(?:which|that|who|where|with|for|if|is|are)\b)[\w'’-]+){0,10}?,?"
_IS_THERE = re.compile(rf"{_LIST}\s+(?:is|are){_ASIDE}\s+{_THERE}", re.IGNORECASE)
_IS_NOT_THERE = re.compile(
    rf"{_LIST}(?:\s+(?:is|are)(?:n['’]t|{_ASIDE}\s+not){_ASIDE}(?:\s+{_THERE}|\s*$)"
    rf"|\s+(?:is|are){_ASIDE}\s+(?:unavailable|prohibited|forbidden|banned|disabled|missing|excluded|(?:turned|switched)\s+off)\b)",
    re.IGNORECASE,
)
"""What is said of a thing, or of a list of things, as of a subject."""
_HAS = re.compile(
    r"\b(?:has|have|having|offer(?:s|ing)?|provid(?:es?|ing)|features?|featuring|includ(?:es?|ing)|with|accept(?:s|ing)?"
    r"|allow(?:s|ing)?|takes?|supports?|plays?|there\s+(?:is|are)|can|find|enjoy|expect|choose|use|opt\s+for|options?|makes|sells|runs|hosts|rents|serves"
    r"|available|delivers)\b",
    re.IGNORECASE,
)
"""With this a statement says that what follows is there."""
_VERBS = r"(?:have|offer|provide|feature|include|accept|allow|take|support|play|come\s+with)"
_IS = re.compile(r"\b(?:is|are)\s+(?:(?:fully|also|completely)\s+)?$", re.IGNORECASE)
_ABLE = re.compile(r"(?:[ai]ble|friendly)$", re.IGNORECASE)
"""How a name ends that says of something what it is: "wheelchair accessible"."""
_LACKS = re.compile(
    rf"(?i:\b(?:no|without|lacks?|neither|not(?:\s+{_VERBS})?)|n['’]t(?:\s+{_VERBS})?)\s+(?:(?:any|an?|the)\s+)?"
    r"(?P<list>[a-z\s,/'’-]*)$"
)
_NEW = re.compile(
    r"\b(?:an?|the|its|free|just|but|and|to|in|on|at|by|of|for|from|with|when|that|it|is|are|was|were|has|can)\b"
)
"""What ends a list of things that are not there."""
_OR = re.compile(r"\b(?:or|nor)\b")
NEGATIVE = re.compile(
    r"\b(?:no|not|never|neither|nor|none|nobody|nothing|nowhere|without|cannot|zero|lack\w*|miss\w*|exclu\w*|except\w*"
    r"|forb\w*|prohib\w*|ban(?:s|ned)?|refus\w*|den(?:y|ies|ied)|reject\w*|impossib\w*|unavail\w*|disab\w*|inactiv\w*"
    r"|deactiv\w*|off|remov\w*|absen\w*|negative|ruled?|left|away|less|yet|expected|planned|due|free\s+of|than|instead"
    r"|non)\b|n['’]t\b|\w(?:-free|less)\b",
    re.IGNORECASE,
)
"""Words with which a statement may deny what it names, in whichever way."""
_COUNTED = re.compile(r"\d\s+$")
_ANOTHER = re.compile(
    r"\s+(?!(?:and|or|nor|but|is|are|was|were|on|in|at|to|for|with|also|services?|options?|facilit\w+|available|area"
    r"|orders?|parking|music|as|both|by|from|all|access|spots?|spaces?|while|of|ambian?ence|ambiance|atmosphere|setting"
    r"|vibe|environment|feel|mood|d[eé]cor)\b)[\w’'-]+",
    re.IGNORECASE,
)
"""A word that makes another thing of the one before it: "cache compression"."""


def statements(claim: str) -> Iterator[tuple[int, str]]:
    """The parts of a claim that affirm and deny by themselves, with their places."""
    at = 0
    for found in _BREAK.finditer(claim):
        if found["joint"] and not _STATES.search(claim, at, found.start()):
            continue
        yield at, claim[at : found.start()]
        at = found.start()
    yield at, claim[at:]


def holds(statement: str, start: int, end: int, beside: re.Pattern[str] | None = None) -> bool | None:
    """Whether a statement says that what it names in a place is there; None where it does not say or is not clear.

    Args:
        statement: As `statements` gives it.
        start: Where the name begins.
        end: Where it ends.
        beside: What affirms it, too, if it stands in the statement.
    """
    if _ANOTHER.match(statement, end) or _COUNTED.search(statement, 0, start):
        return None
    lacks = _LACKS.search(statement, 0, start)
    if lacks and NEGATIVE.search(statement, 0, lacks.start()):
        return None  # not without
    if _IS_NOT_THERE.match(statement, end) or (lacks and _in_list(lacks["list"], statement[end:])):
        return False
    if NEGATIVE.search(statement):
        return None
    is_so = _ABLE.search(statement, start, end) and _IS.search(statement, 0, start)
    has = _HAS.search(statement, 0, end) or _IS_THERE.match(statement, end)
    if is_so or has or (beside and beside.search(statement)):
        return True
    return None


def _in_list(before: str, after: str) -> bool:
    """Whether a thing is the first after a denial, or one of a list that "or" holds together."""
    if _NEW.search(before):
        return False
    return not ("," in before or _OR.search(before)) or bool(_OR.search(before + after))
