"""Preferences and comparisons, which can be said from either side, and other ways to say the same or not."""

import pytest

from cdss.reasoning.gate import find_support

PASSAGE = (
    "The contrast agent is the first choice in all patients without renal failure, asthma or allergy. After healing of "
    "a complicated ulcer, the stomach should typically be examined by endoscopy. Surgery is planned within 24 hours. "
    "Routine biopsy is recommended against in women who have never smoked. For follow-up imaging in children the panel "
    "suggests against CT. Drainage over antibiotics is suggested for large abscesses. In adults plasma exchange is "
    "preferred over steroids. MRI rather than CT is advised in pregnancy. Mean stay was shorter after surgery than "
    "after drugs. Pain was lower in the laser group than in the control group. Radiotherapy should be given before "
    "surgery. Bleeding leads to anemia. Type A tears involve the arch, type B tears do not. The score adds points: "
    "fever, 2; cough, 1; chills, 3. Diplopia is common. The wall is at most 1 mm thick. A fistula is present in about "
    "a quarter. MRI may be unavailable. The lungs should be avoided."
)


@pytest.mark.parametrize(
    "claim",
    [
        "Drainage is preferred to antibiotics for large abscesses.",
        "Plasma exchange is preferable to steroids in adults.",
        "MRI is advised instead of CT in pregnancy.",
        "Stay was longer after drugs than after surgery.",
        "Pain was higher in the control group than in the laser group.",
        "Surgery should follow radiotherapy.",
        "Surgery is planned within one day.",
        "Double vision is common.",
        "The wall is no thicker than 1 mm.",
        "A fistula is present in about 25%.",
        "MRI may be not available.",
        "Cough counts 1 point.",
        "Type A tears involve the arch.",
        "Bleeding leads to anemia; double vision is common.",
    ],
)
def test_the_same_said_otherwise_is_supported(claim: str) -> None:
    assert find_support(claim, PASSAGE).support == "supported", find_support(claim, PASSAGE)


@pytest.mark.parametrize(
    "claim",
    [
        "The contrast agent is the first choice in patients with renal failure.",
        "Endoscopy should be done before healing of a complicated ulcer.",
        "Surgery is planned after 24 hours.",
        "Routine biopsy is recommended in women who have never smoked.",
        "CT is suggested for follow-up imaging in children.",
        "Antibiotics are suggested over drainage for large abscesses.",
        "Antibiotics are suggested for large abscesses.",
        "Steroids are preferred over plasma exchange in adults.",
        "Steroids are preferred in adults.",
        "CT rather than MRI is advised in pregnancy.",
        "CT is advised in pregnancy.",
        "Stay was longer after surgery than after drugs.",
        "Pain was lower in the control group than in the laser group.",
        "Surgery should be given before radiotherapy.",
        "Anemia leads to bleeding.",
        "Type B tears involve the arch.",
        "Cough counts 2 points.",
        "The wall is thicker than 1 mm.",
        "A fistula is present in about a third.",
        "MRI is available.",
        "The lungs should be used.",
        "Bleeding leads to anemia; double vision is rare.",
    ],
)
def test_what_is_turned_round_is_not(claim: str) -> None:
    assert find_support(claim, PASSAGE).support != "supported", find_support(claim, PASSAGE)
