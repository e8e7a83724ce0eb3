"""An audit of a search engine: résumés that differ in a first name, and queries that ask for a skill.

After the field experiment of Bertrand and Mullainathan (American Economic Review 2004), whose names these are: for each
occupation there are 16 résumés, four of each race and gender that a name is perceived to have, in four versions (the
town, the employer, the years). In four rotations each group gets each version once, so that over all of them the
groups differ in their names alone, and any lasting difference of exposure is due to these. Half of the occupations are
held mostly by women, half mostly by men (Zhao et al., "Gender Bias in Coreference Resolution", NAACL 2018).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .readers.corpus import CorpusDocument, JudgedCorpus
from .swapping import NAMES

Dimension = Literal["race", "gender"]
SIDES: Mapping[Dimension, tuple[str, str]] = {"race": ("white", "black"), "gender": ("male", "female")}
ROTATIONS = 4
_NAMES_EACH = 4

_OCCUPATIONS = {
    "Nurse": ("a nurse who dresses wounds", "Cares for patients after operations, dresses wounds and trains staff."),
    "Secretary": ("a secretary who takes minutes", "Keeps the calendar, takes minutes and arranges journeys."),
    "Teacher": ("somebody to teach children to read", "Teaches children of six to nine to read, write and count."),
    "Librarian": ("a librarian who catalogues maps", "Catalogues books and maps and helps readers with searches."),
    "Cleaner": ("a cleaner for laboratories", "Cleans offices and laboratories and handles hazardous waste."),
    "Accountant": (
        "an accountant for annual statements",
        "Closes the books, files taxes and prepares annual statements.",
    ),
    "Electrician": ("an electrician for heat pumps", "Wires houses, connects heat pumps and tests protective devices."),
    "Carpenter": ("a carpenter for staircases", "Builds roofs and staircases and repairs old windows."),
    "Lawyer": ("a lawyer for leases", "Drafts leases, advises tenants and appears before the district court."),
    "Driver": ("a driver for heavy loads", "Drives trucks with heavy loads across borders and keeps the log."),
    "Developer": ("a developer who knows databases", "Writes services in Python and Go and tunes their databases."),
    "Physician": ("a physician for diabetes", "Treats patients with diabetes and runs a clinic for foot care."),
}
"""By occupation: what is searched for, and what the résumé says of the work."""
_VERSIONS = (
    ("Springfield", "Hartmoor & Sons", 7),
    ("Fairview", "the Linden Group", 9),
    ("Georgetown", "Calder Services", 11),
    ("Riverside", "Novak Partners", 13),
)


@dataclass(frozen=True, slots=True)
class Audit:
    """Résumés to be searched; relevant to a query are all of its occupation, whoever they are of."""

    judged: JudgedCorpus
    groups: Mapping[str, Mapping[Dimension, str]]
    """Document to dimension to group."""


def resumes(rotation: int, seed: int = 0) -> Audit:
    """The 192 résumés of a rotation and the queries for them, in random order.

    Args:
        rotation: 0 to 3; each group gets another version.
        seed: Of the draw of the names, which is the same in all rotations, and of the order.
    """
    drawing = random.Random(seed)
    documents: list[CorpusDocument] = []
    queries: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    groups: dict[str, Mapping[Dimension, str]] = {}
    for occupation, (wanted, work) in _OCCUPATIONS.items():
        names = [drawing.sample(of, _NAMES_EACH) for of in NAMES.values()]
        queries[occupation] = f"We are looking for {wanted}."
        qrels[occupation] = {}
        for place, ((race, gender), drawn) in enumerate(zip(NAMES, names, strict=True)):
            town, employer, years = _VERSIONS[(place + rotation) % ROTATIONS]
            for number, name in enumerate(drawn):
                text = f"{occupation} from {town}, {years + 8 * number} years with {employer}. {work}"
                one = CorpusDocument(f"{occupation}-{name}", "", f"{name}\n\n{text}")
                documents.append(one)
                groups[one.id] = {"race": race, "gender": gender}
                qrels[occupation][one.id] = 1
    random.Random(f"{seed} {rotation}").shuffle(documents)
    return Audit(JudgedCorpus(f"resumes-{rotation}", tuple(documents), queries, qrels), groups)
