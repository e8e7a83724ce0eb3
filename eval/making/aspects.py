"""What can be asked of nearly anything, and the words by which a passage shows that it may tell it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Aspect:
    """Something to ask for."""

    asked: str
    """As it follows "ask"."""
    told_by: str
    """A pattern of words, one of which stands where it is told."""

    def may_be_told(self, text: str) -> bool:
        """Whether a text has one of the words."""
        return re.search(self.told_by, text, re.IGNORECASE) is not None


ASPECTS = (
    Aspect("what it cost", r"\bcosts?\b|\bpric|\bpa(?:y|id)|\bfees?\b|\bcharge|\b(?:EUR|USD|GBP|CHF)\b|[€$£]"),
    Aspect("who supplied it", r"\bsuppl|\bdeliver|\bmanufactur|\bmade by\b|\bbuilt by\b|\bbought\b|\bpurchas"),
    Aspect("who is responsible for it", r"\bresponsib|\bmanage|\bhead\b|\bchair|\bcharge of\b|\blead(?:er|s)?\b"),
    Aspect("which company insures it", r"\binsur|\bcover(?:ed|age)\b|\bpolicy\b"),
    Aspect("how much it weighs", r"\bweigh|\bkg\b|\btonn|\bkilogram"),
    Aspect("which colour it has", r"\bcolou?r|\bpaint|\bred\b|\bblue\b|\bgreen\b|\byellow\b|\bblack\b|\bwhite\b"),
    Aspect("who checked it last", r"\bcheck|\binspect|\baudit|\breview|\btest"),
    Aspect("how many people work on it", r"\bpeople\b|\bpersons?\b|\bstaff\b|\bemploy|\bcrew|\bteam|\bwork"),
    Aspect("on which date it was decided", r"\bdecid|\bdecision|\bapprov|\bresol|\bvote|\badopt"),
)
