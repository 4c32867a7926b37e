"""The codes of feedback: what can be said of an answer, and why. Exports hold them, so none changes or goes."""

from django.db import models


class Verdict(models.TextChoices):
    AGREE = "agree", "Agree"
    USEFUL = "useful", "Useful"
    NOT_USEFUL = "not_useful", "Not useful"
    DISAGREE = "disagree", "Disagree"
    WRONG = "wrong", "Wrong"
    UNSAFE = "unsafe", "Unsafe"
    RELEVANT = "relevant", "Relevant"
    NOT_RELEVANT = "not_relevant", "Not relevant"
    FINAL = "final", "Final diagnosis"


class Reason(models.TextChoices):
    """Why a suggestion was not followed; the codes also serve as CDS Hooks override reasons."""

    CONTRADICTS_CASE = "contradicts-case", "The case says otherwise"
    FINDING_MISSED = "finding-missed", "A finding was missed or misread"
    NOT_IN_SOURCE = "not-in-source", "The source does not say this"
    WRONG_DETAIL = "wrong-detail", "Wrong side, number or negation"
    NOT_APPLICABLE = "not-applicable", "The source does not apply to this patient"
    OUTDATED = "outdated", "The source is out of date"
    RANKED_WRONGLY = "ranked-wrongly", "Too high or too low in the list"
    CONTRAINDICATED = "contraindicated", "Contraindicated in this patient"
    DELAYS_CARE = "delays-care", "It would delay necessary care"
    ALREADY_DONE = "already-done", "Already considered or done"
    BENEFIT_OUTWEIGHS = "benefit-outweighs-risk", "The benefit is greater than the risk here"
    NOT_AVAILABLE = "not-available", "Not available here"
    PATIENT_PREFERENCE = "patient-preference", "The patient prefers otherwise"
    OTHER = "other", "Another reason: see the comment"


class Confirmation(models.TextChoices):
    """How a final diagnosis was confirmed."""

    HISTOLOGY = "histology", "Histology or cytology"
    LABORATORY = "laboratory", "Laboratory or microbiology"
    SURGERY = "surgery", "Surgery or endoscopy"
    IMAGING = "imaging", "Further or follow-up imaging"
    COURSE = "course", "Clinical course"
    AUTOPSY = "autopsy", "Autopsy"
    CONSENSUS = "consensus", "Agreement of experts"


VERDICTS = {str(choice.value): str(choice.label) for choice in Verdict}
REASONS = {str(choice.value): str(choice.label) for choice in Reason}
AGAINST = frozenset({Verdict.DISAGREE, Verdict.WRONG, Verdict.UNSAFE, Verdict.NOT_RELEVANT, Verdict.NOT_USEFUL})
