import pytest

from cdss.accounts.models import User
from cdss.consultations.models import Consultation, Diagnosis, Evidence, Statement
from tests.cdss.cast import answered_consultation, parts


@pytest.fixture
def consultation(clinician: User) -> Consultation:
    return answered_consultation(clinician)


@pytest.fixture
def diagnosis(consultation: Consultation) -> Diagnosis:
    return parts(consultation)[0]


@pytest.fixture
def statement(consultation: Consultation) -> Statement:
    return parts(consultation)[1]


@pytest.fixture
def evidence(consultation: Consultation) -> Evidence:
    return parts(consultation)[2]
