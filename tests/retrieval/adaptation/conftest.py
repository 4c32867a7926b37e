from pathlib import Path

import pytest

from retrieval.adaptation.pairs import Lessons, Paper, Study
from retrieval.adaptation.train import Unseen
from tests.tiny_model import tiny_model

SIGNS = [f"sign{number}" for number in range(24)]
DISEASES = [f"disease{number}" for number in range(24)]
PLAIN = ("the", "a", "patient", "with", "shows", "is", "seen", "in", "text", "about", "of", "and", ".", ",")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny") / "model", (*PLAIN, *SIGNS, *DISEASES))


@pytest.fixture
def lessons() -> Lessons:
    studies = [
        Study(
            topic=number,
            questions=(f"a patient with {sign}", f"the {sign} is seen"),
            name=disease,
            discussions=(f"{disease} shows {sign}", f"the {disease} of a patient"),
            texts=(f"text about {disease}", f"{disease} and {sign}"),
        )
        for number, (sign, disease) in enumerate(zip(SIGNS[:18], DISEASES[:18], strict=True))
    ]
    papers = [
        Paper(number, DISEASES[number], (f"of {SIGNS[number]}",), (f"{DISEASES[number]} of {SIGNS[number]}",))
        for number in range(18)
    ]
    return Lessons(studies, papers)


@pytest.fixture
def unseen() -> Unseen:
    import numpy as np

    gallery = [f"text about {disease} and {sign}" for sign, disease in zip(SIGNS[12:], DISEASES[12:], strict=True)]
    return Unseen([f"a patient with {sign}" for sign in SIGNS[12:]], gallery, [np.array([row]) for row in range(12)])
