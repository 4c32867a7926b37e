"""A finding that is not there speaks against a disease of which it is a feature, and of nothing it follows."""

import pytest

from cdss.reasoning.composer import Sources, compose
from cdss.reasoning.roles import is_feature, is_only_compared
from cdss.reasoning.types import Candidate, CaseInput, EvidenceText

AS_ANOTHER = [
    "Osteomyelitis often follows fractures of the long bones.",
    "The infection follows the fracture by weeks.",
    "It develops after a fracture, surgery, or a puncture wound.",
    "Following a fracture, the infection spreads to the marrow.",
    "Osteomyelitis is usually secondary to an open fracture.",
    "Infection caused by a fracture spreads along the marrow.",
    "Risk factors include diabetes, fracture, and immune suppression.",
    "Risk factors for osteomyelitis are diabetes and fracture.",
    "Fracture is a common cause of osteomyelitis.",
    "An open fracture predisposes to osteomyelitis.",
    "Complications include sepsis, pathological fracture, and growth arrest.",
    "It is complicated by fracture of the weakened bone.",
    "Late disease leads to fracture.",
    "It mimics a healing fracture.",
    "It must be distinguished from a stress fracture.",
    "The differential diagnosis includes fracture and tumour.",
    "Unlike a fracture, osteomyelitis destroys the cortex.",
    "It is more painful than a fracture.",
    "It is seen in patients with a fracture.",
    "Osteomyelitis in the setting of fracture is treated with surgery.",
]
AS_A_FEATURE = [
    "A fracture is seen in most patients.",
    "Radiographs show a fracture through the lytic area.",
    "Typical findings are a fracture and periosteal reaction.",
    "It follows trauma and shows a fracture on radiographs.",
    "After trauma, a fracture is seen in all patients.",
    "Unlike a sprain, it is always a fracture.",
    "It is distinguished from bruising by the fracture.",
    "It is caused by a fall, and a fracture is the rule.",
    "Insufficiency of the bone produces a fracture.",
    "The following is typical: fracture, sequestrum, and periosteal reaction.",
    "A fracture line wider than 2 mm is typical.",
]


@pytest.mark.parametrize("sentence", AS_ANOTHER)
def test_a_cause_a_risk_a_consequence_or_a_look_alike_is_no_feature(sentence: str) -> None:
    assert not is_feature(sentence, frozenset(["fracture"]))


@pytest.mark.parametrize("sentence", AS_A_FEATURE)
def test_what_is_found_is_a_feature(sentence: str) -> None:
    assert is_feature(sentence, frozenset(["fracture"]))


@pytest.mark.parametrize(
    ("sentence", "compared"),
    [
        ("It mimics a healing fracture.", True),
        ("Unlike a fracture, osteomyelitis destroys the cortex.", True),
        ("Unlike a sprain, it is always a fracture.", False),
        ("It often follows a fracture.", False),
        ("The fat is more than 50% of the lesion; a fracture is rare.", False),
    ],
)
def test_what_a_disease_is_told_from(sentence: str, compared: bool) -> None:
    assert is_only_compared(sentence, frozenset(["fracture"])) == compared


def stances(findings: str, text: str) -> set[str]:
    text += " Sepsis is treated with antibiotics. Sequestra are dense. Children are affected at the metaphysis."
    piece = EvidenceText("E1", "literature", "d1", "Osteomyelitis", text, 1.0)
    sources = Sources({7: piece}, {7: frozenset(["osteomyelitis"])}, {})
    candidate = Candidate("Osteomyelitis", "osteomyelitis", 1.0, [7])
    (draft,) = compose(case=CaseInput(findings=findings), candidates=[candidate], sources=sources)
    return {one.stance for one in draft.statements if one.text.startswith("This case")}


@pytest.mark.parametrize("sentence", AS_ANOTHER)
def test_a_denied_finding_that_is_no_feature_speaks_against_nothing(sentence: str) -> None:
    assert "against" not in stances("No fracture.", sentence)


@pytest.mark.parametrize("sentence", [AS_A_FEATURE[0], AS_A_FEATURE[1], AS_A_FEATURE[3], AS_A_FEATURE[6]])
def test_a_denied_feature_speaks_against_the_disease(sentence: str) -> None:
    assert stances("No fracture.", sentence) == {"against"}


def test_a_cause_that_is_there_still_speaks_for_it_and_a_look_alike_does_not() -> None:
    assert stances("Open fracture.", "Osteomyelitis often follows an open fracture.") == {"for"}
    assert stances("Stress fracture.", "It must be distinguished from a stress fracture.") == set()
