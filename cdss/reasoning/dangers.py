"""Which dangerous diagnoses a case itself rules out, by what its imaging denies or by the part of the body it concerns.

A denial rules out what is as wide or narrower: "no intracranial haemorrhage" rules out a subdural haematoma, but "no
tension pneumothorax" rules out no pneumothorax. The list of dangerous diagnoses names the denials that a radiologist
takes for an answer; what imaging misses early (a stroke on CT, a torsion, meningitis) has none.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cdss.reasoning.concepts import concept_of, must_not_miss, synonyms_of
from cdss.reasoning.regions import region_of, region_of_case
from cdss.reasoning.types import CaseInput
from cdss.reasoning.understanding import read_case
from retrieval.terms import Finding, tokens

# Words of a denial that leave it whole: a large one or one of the left side is not all there may be.
_WHOLE = frozenset(
    tokens(
        "acute definite obvious visible apparent convincing radiographic sonographic imaging ct mri evidence sign "
        "suggestion either side both bilateral bilaterally chest lung brain time study examination"
    )
)
_SIDES = frozenset(("left", "right"))
_NOT_THE_ONLY_ONE = re.compile(r"\b(?:an)?other\b|\b(?:additional|further|second|more|new)\b", re.IGNORECASE)
# Letters before a denial that may say it is of the past.
_BEFORE = 40
_IN_THE_PAST = re.compile(r"\b(?:history|hx|h/o|prior|previous(?:ly)?)\b[^.;]*\Z", re.IGNORECASE)


def ruled_out(case: CaseInput) -> frozenset[str]:
    """Keys of the dangerous concepts that need not be thought of beside this case."""
    found = read_case(case).findings
    region = region_of_case(case)
    named = {region_of(one.text) for one in found if one.assertion == "present"} - {""}
    imaged = [one for one in found if one.part == "findings"]
    return frozenset(
        concept.key
        for row in must_not_miss()
        if (concept := concept_of(str(row["name"])))
        and (_is_denied(row, concept.key, imaged, case) or _is_elsewhere(row, region, named))
    )


def _is_elsewhere(row: Mapping[str, Any], region: str, named: set[str]) -> bool:
    parts = set(row.get("parts", ()))
    return bool(parts and region) and region not in parts and not parts & named


def _is_denied(row: Mapping[str, Any], key: str, imaged: Sequence[Finding], case: CaseInput) -> bool:
    denials = [frozenset(tokens(name)) for name in row.get("denied_as", ())]
    if not any(one.assertion == "denied" and _denies(one, denials, case) for one in imaged):
        return False
    names = [frozenset(tokens(name)) for name in (*synonyms_of(key), *row["synonyms"])]
    left_open = (frozenset(tokens(one.text)) for one in imaged if one.assertion in {"present", "uncertain"})
    return not any(name <= words for words in left_open for name in names)


def _denies(finding: Finding, denials: Sequence[frozenset[str]], case: CaseInput) -> bool:
    words = frozenset(tokens(finding.text))
    before = case.findings[max(0, finding.start - _BEFORE) : max(0, finding.start)]
    if words & _SIDES or _NOT_THE_ONLY_ONE.search(finding.text) or _IN_THE_PAST.search(before):
        return False
    return any(denial <= words and words - denial <= _WHOLE for denial in denials)
