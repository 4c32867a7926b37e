"""Age and sex that nobody entered, as the history states them."""

from dataclasses import replace

from cdss.consultations.models import Consultation
from cdss.reasoning.types import CaseInput
from retrieval.terms.demographics import Demographics, demographics


def read_from_history(case: CaseInput | Consultation) -> Demographics:
    """Only what was left blank; empty where the history does not say it plainly."""
    if case.age.strip() and case.sex.strip():
        return Demographics()
    read = demographics(case.history)
    return Demographics("" if case.age.strip() else read.age, "" if case.sex.strip() else read.sex)


def completed(case: CaseInput) -> CaseInput:
    read = read_from_history(case)
    return replace(case, age=case.age or read.age, sex=case.sex or read.sex)
