"""Whole objects for tests that need one to be there."""

from base64 import b64encode
from copy import deepcopy
from hashlib import sha256

import numpy as np
from django.core.files.base import ContentFile
from django.utils import timezone

from cdss.accounts.models import User
from cdss.authoring.content import content_of, picture_entry
from cdss.authoring.models import BulkEdit, Manuscript, Picture, PlannedImport
from cdss.canonical import canonical_sha256
from cdss.consultations.models import (
    Answer,
    Citation,
    Consultation,
    ConsultationImage,
    Diagnosis,
    Evidence,
    Statement,
    Status,
    Step,
)
from cdss.drills.models import Drill, DrillRun
from cdss.evaluation.models import EvaluationRun
from cdss.library.models import (
    Case,
    CaseImage,
    Collection,
    CollectionShare,
    Document,
    Doubt,
    Kind,
    LibraryItem,
    LinkOpened,
    State,
    Visibility,
)
from cdss.ranking.models import RankingWeights
from cdss.ranking.weights import packaged_weights
from cdss.studies.frame_files import frame_writer
from cdss.studies.models import Series
from cdss.teaching.models import (
    Attempt,
    AttemptStep,
    Course,
    CourseItem,
    Enrolment,
    Platform,
    Question,
    Quiz,
    QuizRun,
    QuizVersion,
)

TOKEN = "of-the-tests-and-of-nobody-else-at-all-0123"
QUOTE = "popcorn calcification and fat suggest a hamartoma"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c6360000000020001"
    "48afa4710000000049454e44ae426082"
)


def answered_consultation(user: User, *, with_image: bool = False) -> Consultation:
    """One diagnosis with one statement that cites one piece of evidence."""
    now = timezone.now()
    consultation = Consultation.objects.create(
        user=user,
        status=Status.DONE,
        findings="A nodule with popcorn calcification.",
        index_version="index-1",
        text_encoder="hashing",
        image_encoder="hashing",
        started=now,
        finished=now,
    )
    Step.objects.create(consultation=consultation, name="search", started=now, duration_ms=12.5)
    evidence = evidence_of(consultation)
    answer = Answer.objects.create(consultation=consultation, writer="composer")
    diagnosis = Diagnosis.objects.create(answer=answer, rank=1, name="Hamartoma", concept="hamartoma", score=1.0)
    statement = Statement.objects.create(
        diagnosis=diagnosis, position=0, text="Popcorn calcification was seen.", stance="for", support="supported"
    )
    Citation.objects.create(statement=statement, evidence=evidence, quote=QUOTE, start=0, end=len(QUOTE))
    if with_image:
        image = ConsultationImage(
            consultation=consultation, width=1, height=1, sha256=sha256(PIXEL).hexdigest(), modality="CT"
        )
        image.file.save("pixel.png", ContentFile(PIXEL))
    return consultation


def evidence_of(consultation: Consultation, number: int = 1) -> Evidence:
    return Evidence.objects.create(
        consultation=consultation,
        label=f"E{number}",
        rank=number,
        kind="literature",
        source_name="journal",
        source_id=f"{number}",
        title="Synthetic digest on pulmonary nodules",
        text=QUOTE,
        text_sha256=sha256(QUOTE.encode()).hexdigest(),
        item_hash="0" * 64,
        score=0.9,
    )


def parts(consultation: Consultation) -> tuple[Diagnosis, Statement, Evidence]:
    diagnosis = Diagnosis.objects.get(answer__consultation=consultation)
    return diagnosis, Statement.objects.get(diagnosis=diagnosis), Evidence.objects.get(consultation=consultation)


def drill_run(consultation: Consultation, learner: User) -> DrillRun:
    """A drill of the consultation's clinician for one learner, not handed in."""
    diagnosis, statement, _ = parts(consultation)
    drill = Drill.objects.create(
        educator=consultation.user,
        consultation=consultation,
        answer=diagnosis.answer,
        statement=statement,
        planted="Popcorn calcification was not seen.",
        change="negation",
    )
    return DrillRun.objects.create(drill=drill, learner=learner)


def evaluation_run(suite: str = "topics", value: float = 0.5, **fields: object) -> EvaluationRun:
    now = timezone.now()
    figures = [
        {"measure": "R@1", "system": system, "cases": "all", "value": round(value * share, 4), "low": 0.1, "high": 0.9,
         "n": 10, "better": "higher"}
        for system, share in (("cdss", 1.0), ("bm25", 0.8))
    ]  # fmt: skip
    kept = {"figures": figures, "configuration": {"text_encoder": "hashing"}, "cases_sha256": "0" * 64, **fields}
    return EvaluationRun.objects.create(
        suite=suite, started=now, finished=now, data_label="synthetic", cases=10, seed=7, **kept
    )


def ranking_weights(version: int = 1, state: str = "proposed", **changes: float) -> RankingWeights:
    """The packaged weights, of the candidates some changed."""
    data = deepcopy(dict(packaged_weights().data))
    data["candidates"]["ranker"]["weights"] |= changes or {"listed": 1.0 + version}
    figures = [
        {"measure": measure, "serving": 0.5, "learned": 0.6, "difference": 0.1, "low": 0.02, "high": 0.2, "n": 42,
         "better": better, "outcome": outcome}
        for measure, better, outcome in (
            ("diagnosis: MRR", "higher", "better"), ("surprise at the first diagnosis", "lower", "worse"),
        )
    ]  # fmt: skip
    learned_on = {"cases": 40, "consultations": 2, "votes": 1, "serving": 0, "folds": 5, "seed": 7}
    return RankingWeights.objects.create(
        version=version,
        state=state,
        weights=data,
        sha256=canonical_sha256(data),
        learned_on=learned_on,
        figures=figures,
    )


def teaching_objects(learner: User, educator: User) -> dict[str, object]:
    """An attempt with its images uncovered, a quiz with a run, a course, a platform; and what is another educator's."""
    made = Quiz.objects.create(owner=educator, title="Nodules", state=State.PUBLISHED)
    version = QuizVersion.objects.create(quiz=made, number=1, published=timezone.now())
    case = library_case(learner, Visibility.PRIVATE)
    options = [{"id": letter, "text": letter, "correct": letter == "a", "origin": {}} for letter in "ab"]
    question = Question.objects.create(
        version=version, position=0, kind="choice", prompt="Which?", image=case.images.get(), options=options
    )
    course = Course.objects.create(owner=educator, title="Chest", state=State.PUBLISHED)
    CourseItem.objects.create(course=course, position=0, quiz=made)
    Enrolment.objects.create(course=course, learner=learner)
    attempt = Attempt.objects.create(learner=learner, case=case)
    AttemptStep.objects.create(attempt=attempt, step="images")
    platform = Platform.objects.create(
        name="Moodle", issuer="https://lms.example.org", client_id="cdss", deployments=["1"],
        login_url="https://lms.example.org/a", token_url="https://lms.example.org/t",
        keys_url="https://lms.example.org/k",
    )  # fmt: skip
    return {
        "attempt": attempt.key,
        "number": 1,
        "quiz": made.pk,
        "question": question.pk,
        "other_quiz": Quiz.objects.create(owner=None, title="Of another").pk,
        "quiz_run": QuizRun.objects.create(version=version, learner=learner, asked=1).key,
        "course": course.pk,
        "other_course": Course.objects.create(owner=None, title="Of another").pk,
        "platform": platform.pk,
    }


def library_case(owner: User | None, visibility: str = Visibility.PUBLIC, state: str = State.PUBLISHED) -> Case:
    """With one image."""
    case = Case.objects.create(diagnosis="Hamartoma", **_item(Kind.CASE, owner, visibility, state))
    image = CaseImage(case=case, width=1, height=1, sha256=sha256(PIXEL).hexdigest(), modality="CT")
    image.file.save("pixel.png", ContentFile(PIXEL))
    return case


def stored_series(case: Case) -> Series:
    """Two frames of four pixels, in Hounsfield units."""
    with frame_writer() as (folder, writer):
        for number in range(2):
            writer.add(np.array([[-1000, 0], [40, 1000 + number]], dtype=np.int16))
    facts = [
        {"uid": f"2.25.{case.pk}{number}", "number": 0, "position": [0, 0, number], "slope": 1.0, "intercept": 0.0}
        for number in range(2)
    ]
    return Series.objects.create(
        case=case, digest=f"{case.pk:064}", study_uid="2.25.1", series_uid="2.25.2", modality="CT", unit="HU",
        folder=folder, rows=2, columns=2, frames=2, pixels="int16", row_spacing=1.0, column_spacing=1.0,
        orientation=[1, 0, 0, 0, 1, 0], frame_facts=facts,
    )  # fmt: skip


def library_document(owner: User | None, visibility: str = Visibility.PUBLIC, state: str = State.PUBLISHED) -> Document:
    return Document.objects.create(**_item(Kind.LITERATURE, owner, visibility, state))


def _item(kind: str, owner: User | None, visibility: str, state: str) -> dict[str, object]:
    collection, _ = Collection.objects.get_or_create(name="Of the tests", synthetic=True)
    return {
        "kind": kind,
        "title": f"A synthetic {kind}",
        "text": QUOTE,
        "collection": collection,
        "owner": owner,
        "visibility": visibility,
        "state": state,
        "source_name": "tests",
        "source_id": str(LibraryItem.objects.count()),
        "content_hash": "0" * 64,
        "synthetic": True,
    }


def manuscript_of(case: Case) -> Manuscript:
    """With one revision and one picture that is not shown."""
    manuscript = Manuscript.objects.create(case=case, content=content_of(case) | {"title": "A synthetic case"})
    manuscript.revisions.create(number=1, by=case.owner, content=manuscript.content)
    picture = Picture(manuscript=manuscript, width=1, height=1, sha256="0" * 64)
    picture.file.save("pixel.png", ContentFile(PIXEL))
    return manuscript


def writing_objects(owner: User, teacher: User) -> dict[str, int | str]:
    """A draft of the owner, one of which two texts wait, a change of many; of a teacher a shared collection."""
    manuscript = manuscript_of(library_case(owner, state=State.DRAFT))
    contested = manuscript_of(library_case(owner, state=State.DRAFT))
    collection = Collection.objects.create(name="Of the teacher", owner=teacher)
    share = CollectionShare.objects.create(
        collection=collection, by=teacher, token_sha256=sha256(TOKEN.encode()).hexdigest()
    )
    LinkOpened.objects.create(share=share, user=owner)
    planned = PlannedImport.objects.create(
        by=teacher, token="none", name="cases.zip", sha256="0" * 64, options={}, plan=[]
    )
    picture = manuscript.pictures.get()
    shown = Picture(manuscript=manuscript, width=1, height=1, sha256="1" * 64)
    shown.file.save("pixel.png", ContentFile(PIXEL))
    manuscript.content["images"] = [picture_entry(shown.pk)]
    manuscript.save(update_fields=["content"])
    box = {"left": 0, "top": 0, "width": 1, "height": 1, "score": 0.4}
    masked = Doubt.objects.create(name=str(shown.file), crop=b64encode(PIXEL).decode(), **box)
    return {
        "manuscript": manuscript.pk,
        "masked": masked.pk,
        "covered": stored_series(manuscript.case).pk,
        "revision": 1,
        "picture": picture.pk,
        "pictures_sent": manuscript.picture_uploads.create(owner=owner, place="none").pk,
        "comment": manuscript.comments.create(by=owner, text="Which side?").pk,
        "contested": contested.pk,
        "conflict": contested.conflicts.create(field="history", by=owner, value="Fever.").pk,
        "bulk": BulkEdit.objects.create(by=owner, change={"kind": "region", "value": "Chest"}, rows={}).pk,
        "collection": collection.pk,
        "share": share.pk,
        "token": TOKEN,
        "planned": planned.pk,
    }
