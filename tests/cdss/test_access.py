"""Who gets what from every URL. A URL that is not in the table fails, and so does a row without a URL."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.test import Client
from django.test.client import ClientHandler
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from cdss.accounts.models import Role, User, UserGroup
from cdss.consultations.models import Citation, Replay
from cdss.exchange.models import Carried
from cdss.feedback.models import Gap
from cdss.library.models import Case, Doubt, Quarantine, SavedSearch, State, Visibility
from cdss.library.standing import Dispute
from cdss.notices.models import Notice
from cdss.regions.models import Proposal, RegionMask, Structure
from cdss.studies.models import StudyUpload
from tests.cdss.cast import (
    PIXEL,
    answered_consultation,
    drill_run,
    evaluation_run,
    library_case,
    library_document,
    ranking_weights,
    stored_series,
    teaching_objects,
    writing_objects,
)

PIXEL_TEXT = b64encode(PIXEL).decode()
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SIGN_IN = "/accounts/sign-in/"
NOWHERE = {int: 987654321, str: "nothing", UUID: UUID(int=8)}
HANDLER = ClientHandler(enforce_csrf_checks=False)
# The owner is a clinician whose objects the URLs name; the stranger is a clinician of another department, and the
# educator one of the owner's department who was given nothing.
PEOPLE = ("anonymous", "owner", "stranger", "educator", "auditor", "administrator")


class Fixed(str):
    """A word of an address that names no object."""


@dataclass(frozen=True)
class Row:
    name: str
    method: str
    # In the order of PEOPLE.
    expected: tuple[int, int, int, int, int, int]
    # Names of what `world` holds.
    args: tuple[str, ...] = ()
    data: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join((self.method, self.name, *self.args))


# Who may do it:   ANYONE: signed in · ASKERS: clinicians and educators · then who may see the object
ANYONE = (302, 200, 200, 200, 200, 200)
EVERYONE_SENT = (302, 302, 302, 302, 302, 302)
ASKERS_FORM = (302, 200, 200, 200, 403, 403)
READERS = (302, 200, 200, 200, 200, 403)
OWNER_OR_AUDITOR = (302, 200, 404, 404, 200, 403)
OWNER_ACTS = (302, 302, 404, 404, 403, 403)
AUDITOR = (302, 403, 403, 403, 200, 403)
MEASURED_FOR = (302, 403, 403, 200, 200, 200)
ADMINISTRATOR = (302, 403, 403, 403, 403, 200)
OWNER_ALONE = (302, 200, 404, 404, 404, 404)
DEPARTMENT = (302, 200, 404, 200, 404, 404)
PUBLISHERS = (302, 200, 404, 200, 404, 200)
IMPORTERS = (302, 403, 403, 200, 403, 200)
UPLOADER = (302, 404, 404, 200, 403, 404)
EDITORS = (302, 403, 403, 200, 403, 200)
EDITORS_ACT = (302, 403, 403, 302, 403, 302)
AUTHORS = (302, 200, 200, 200, 403, 200)
AUTHORS_ACT = (302, 302, 302, 302, 403, 302)
WRITER = (302, 200, 404, 404, 403, 404)
WRITER_ACTS = (302, 302, 404, 404, 403, 404)
TEACHER = (302, 403, 403, 404, 403, 404)
ONE = ("consultation",)
LEARNERS = (302, 200, 200, 200, 403, 403)
LEARNER_ALONE = (302, 200, 404, 404, 403, 403)
TEACHERS = (302, 403, 403, 200, 403, 403)

TABLE = [
    # accounts
    Row("accounts:sign_in", "GET", (200, 302, 302, 302, 302, 302)),
    Row("accounts:sign_in", "POST", (200, 302, 302, 302, 302, 302)),
    Row("accounts:sign_out", "POST", (302, 302, 302, 302, 302, 302)),
    Row("accounts:profile", "GET", ANYONE),
    Row("accounts:password", "GET", ANYONE),
    Row("accounts:password", "POST", ANYONE),
    Row("accounts:users", "GET", ADMINISTRATOR),
    Row("accounts:user_new", "GET", ADMINISTRATOR),
    Row("accounts:user_new", "POST", ADMINISTRATOR),
    Row("accounts:user_edit", "GET", ADMINISTRATOR, ("account",)),
    Row("accounts:user_edit", "POST", (302, 403, 403, 403, 403, 302), ("account",), {"role": "auditor"}),
    Row("accounts:user_password", "POST", ADMINISTRATOR, ("account",)),
    Row("accounts:groups", "GET", ADMINISTRATOR),
    Row("accounts:group_new", "GET", ADMINISTRATOR),
    Row("accounts:group_new", "POST", (302, 403, 403, 403, 403, 302), data={"name": "Night shift"}),
    Row("accounts:group_edit", "GET", ADMINISTRATOR, ("group",)),
    Row("accounts:group_edit", "POST", (302, 403, 403, 403, 403, 302), ("group",), {"name": "Day shift"}),
    # notices
    Row("notices:list", "GET", ANYONE),
    Row("notices:read_all", "POST", (302, 302, 302, 302, 302, 302)),
    Row("notices:open", "POST", (302, 302, 404, 404, 404, 404), ("notice",)),
    # regions: the masks are the educator's, on a case of the department
    Row("regions:search", "GET", ANYONE),
    Row("regions:compare", "GET", (302, 404, 404, 404, 404, 404)),
    Row("regions:prepare", "POST", EDITORS_ACT),
    Row("regions:structures", "GET", IMPORTERS),
    Row("regions:structures", "POST", EDITORS_ACT, (), {"name": "Spleen"}),
    Row("regions:structure", "GET", IMPORTERS, ("structure",)),
    Row("regions:draw", "GET", (302, 403, 403, 404, 403, 404), ("structure",)),
    Row("regions:draw", "POST", (302, 403, 403, 404, 403, 404), ("structure",)),
    Row("regions:propose", "POST", (302, 403, 403, 404, 403, 404), ("structure",)),
    Row("regions:read", "POST", (302, 403, 403, 404, 403, 404), ("structure",)),
    Row("regions:proposal", "GET", (302, 403, 403, 200, 403, 404), ("proposal",)),
    Row("regions:proposal", "POST", (302, 403, 403, 302, 403, 404), ("proposal",), {"polygons": "0,0 1,0 1,1 0,1"}),
    Row("regions:overlay", "GET", (302, 403, 403, 200, 403, 404), ("mask",)),
    Row("regions:segmentation", "GET", (302, 403, 403, 200, 403, 404), ("mask",)),
    Row("regions:withdraw", "POST", (302, 403, 403, 302, 403, 404), ("mask",)),
    # drills: of an educator of another department, for the owner
    Row("drills:list", "GET", ANYONE),
    Row("drills:new", "GET", (302, 403, 403, 404, 403, 403), ONE),
    Row("drills:new", "POST", (302, 403, 403, 404, 403, 403), ONE),
    Row("drills:drill", "GET", (302, 403, 403, 404, 200, 403), ("drill",)),
    Row("drills:run", "GET", (302, 200, 404, 404, 404, 404), ("run",)),
    Row("drills:run", "POST", (302, 302, 404, 404, 404, 404), ("run",)),
    Row("accounts:user_factors_reset", "POST", (302, 403, 403, 403, 403, 302), ("account",)),
    Row("accounts:user_sessions_end", "POST", (302, 403, 403, 403, 403, 302), ("account",)),
    Row("accounts:sessions_end", "POST", EVERYONE_SENT),
    # nobody's: one's own are in accounts/test_sessions.py
    Row("accounts:session_end", "POST", (302, 404, 404, 404, 404, 404), ("handle",)),
    # accounts: second factors, and sign-in elsewhere; a change asks for the password again
    Row("account_login", "GET", (200, 302, 302, 302, 302, 302)),
    Row("account_login", "POST", (200, 302, 302, 302, 302, 302)),
    Row("mfa_authenticate", "GET", EVERYONE_SENT),
    Row("mfa_authenticate", "POST", EVERYONE_SENT),
    Row("mfa_login_webauthn", "GET", EVERYONE_SENT),
    Row("mfa_login_webauthn", "POST", EVERYONE_SENT),
    Row("openid_connect_login", "POST", (404, 404, 404, 404, 404, 404)),
    Row("openid_connect_callback", "GET", (404, 404, 404, 404, 404, 404)),
    Row("account_reauthenticate", "GET", ANYONE),
    Row("account_reauthenticate", "POST", ANYONE),
    Row("mfa_reauthenticate", "GET", EVERYONE_SENT),
    Row("mfa_reauthenticate", "POST", EVERYONE_SENT),
    Row("mfa_reauthenticate_webauthn", "GET", EVERYONE_SENT),
    Row("mfa_reauthenticate_webauthn", "POST", EVERYONE_SENT),
    Row("mfa_index", "GET", ANYONE),
    Row("mfa_activate_totp", "GET", EVERYONE_SENT),
    Row("mfa_activate_totp", "POST", EVERYONE_SENT),
    Row("mfa_deactivate_totp", "GET", (302, 404, 404, 404, 404, 404)),
    Row("mfa_deactivate_totp", "POST", (302, 404, 404, 404, 404, 404)),
    Row("mfa_view_recovery_codes", "GET", (302, 404, 404, 404, 404, 404)),
    Row("mfa_generate_recovery_codes", "GET", EVERYONE_SENT),
    Row("mfa_generate_recovery_codes", "POST", EVERYONE_SENT),
    Row("mfa_add_webauthn", "GET", EVERYONE_SENT),
    Row("mfa_add_webauthn", "POST", EVERYONE_SENT),
    Row("mfa_remove_webauthn", "GET", (302, 404, 404, 404, 404, 404), ("passkey",)),
    Row("mfa_remove_webauthn", "POST", (302, 404, 404, 404, 404, 404), ("passkey",)),
    # locked modes
    Row("indexing:state", "GET", ADMINISTRATOR),
    Row("indexing:check", "POST", (302, 403, 403, 403, 403, 302)),
    Row("locks:modes", "GET", ADMINISTRATOR),
    Row("locks:modes", "POST", (302, 403, 403, 403, 403, 302), (), {"mode": "text-only", "on": "yes"}),
    # audit
    Row("audit:list", "GET", AUDITOR),
    Row("audit:export", "GET", AUDITOR),
    Row("audit:prepare", "GET", AUDITOR),
    Row("audit:verifier", "GET", AUDITOR),
    Row("audit:anchors", "GET", AUDITOR),
    Row("audit:anchors", "POST", (302, 403, 403, 403, 302, 403)),
    Row("audit:anchors_export", "GET", AUDITOR),
    Row("audit:verify", "POST", (302, 403, 403, 403, 302, 403)),
    # oversight
    Row("oversight:dashboard", "GET", AUDITOR),
    Row("oversight:about", "GET", ANYONE, ("card",)),
    Row("oversight:about_json", "GET", ANYONE, ("card",)),
    # evaluation
    Row("evaluation:list", "GET", MEASURED_FOR),
    Row("evaluation:run", "GET", MEASURED_FOR, ("evaluation",)),
    # learning
    Row("learning:list", "GET", MEASURED_FOR),
    Row("learning:version", "GET", MEASURED_FOR, ("weights",)),
    Row("learning:promote", "POST", (302, 403, 403, 403, 403, 302), ("weights",), {"reason": "As it shows."}),
    Row("learning:rollback", "POST", (302, 403, 403, 403, 403, 302)),
    # feedback
    Row("feedback:list", "GET", AUDITOR),
    Row("feedback:export", "GET", AUDITOR),
    Row(
        "feedback:give",
        "GET",
        (302, 200, 404, 404, 403, 403),
        ONE,
        {"kind": "consultation", "target": "1", "verdict": "wrong"},
    ),
    Row("feedback:agreement", "GET", AUDITOR),
    Row("feedback:own_first", "GET", AUDITOR),
    Row("feedback:gaps", "GET", EDITORS),
    Row("feedback:gap", "POST", EDITORS_ACT, ("gap",), {"state": "taken"}),
    Row("feedback:citation", "GET", (302, 200, 404, 404, 403, 403), ("consultation", "citation")),
    Row("feedback:draft", "POST", OWNER_ACTS, ONE),
    Row("feedback:give", "POST", OWNER_ACTS, ONE, {"kind": "consultation", "target": "1", "verdict": "agree"}),
    # consultations
    Row("consultations:start", "GET", ANYONE),
    Row("consultations:list", "GET", READERS),
    Row("consultations:new", "GET", ASKERS_FORM),
    Row("consultations:new", "POST", (302, 302, 302, 302, 403, 403), data={"findings": "A nodule in the left lung."}),
    Row("consultations:split", "POST", ASKERS_FORM, data={"pasted": "History: cough. Findings: a nodule."}),
    Row("consultations:preview", "POST", ASKERS_FORM, data={"findings": "A nodule in the left lung."}),
    Row("consultations:from_case", "POST", (302, 302, 404, 404, 403, 403), ("private_case",)),
    Row("consultations:from_case", "POST", (302, 302, 404, 302, 403, 403), ("department_case",)),
    Row("consultations:detail", "GET", OWNER_OR_AUDITOR, ONE),
    Row("consultations:print", "GET", OWNER_OR_AUDITOR, ONE),
    Row("consultations:export", "GET", OWNER_OR_AUDITOR, ONE),
    Row("consultations:status", "GET", OWNER_OR_AUDITOR, ONE),
    Row("consultations:progress", "GET", OWNER_OR_AUDITOR, ONE),
    Row("consultations:image", "GET", OWNER_OR_AUDITOR, ("consultation", "image")),
    Row("consultations:commit", "POST", OWNER_ACTS, ONE, {"name": "Hamartoma"}),
    Row("consultations:afterwards", "POST", OWNER_ACTS, ONE, {"name": "Hamartoma"}),
    Row("consultations:invite", "POST", OWNER_ACTS, ONE, {"username": "stranger"}),
    Row("consultations:cancel", "POST", OWNER_ACTS, ONE),
    Row("consultations:again", "POST", OWNER_ACTS, ONE),
    Row("consultations:retry", "POST", OWNER_ACTS, ONE),
    Row("consultations:replays", "GET", AUDITOR, ONE),
    Row("consultations:replays", "POST", (302, 403, 403, 403, 302, 403), ONE),
    Row("consultations:replay", "GET", AUDITOR, ("consultation", "replay")),
    Row("consultations:review", "GET", OWNER_ACTS, ONE),
    Row("consultations:review", "POST", OWNER_ACTS, ONE),
    # authoring: what is named is the owner's, or a teacher's of another department
    Row("authoring:list", "GET", AUTHORS),
    Row("authoring:new", "GET", AUTHORS),
    Row("authoring:new", "POST", AUTHORS_ACT, data={"title": "A nodule", "visibility": "private"}),
    Row("authoring:open", "POST", WRITER_ACTS, ("private_case",)),
    Row("authoring:suggest", "GET", AUTHORS),
    Row("authoring:bulk_change", "POST", AUTHORS_ACT),
    Row("authoring:bulk", "GET", WRITER, ("bulk",)),
    Row("authoring:bulk_undo", "POST", WRITER_ACTS, ("bulk",)),
    Row("authoring:import", "GET", IMPORTERS),
    Row("authoring:import", "POST", IMPORTERS),
    Row("authoring:planned", "GET", TEACHER, ("planned",)),
    Row("authoring:planned", "POST", TEACHER, ("planned",)),
    Row("authoring:planned_progress", "GET", TEACHER, ("planned",)),
    Row("authoring:collections", "GET", IMPORTERS),
    Row("authoring:collection_new", "GET", IMPORTERS),
    Row("authoring:collection_new", "POST", EDITORS_ACT, data={"name": "Chest"}),
    Row("authoring:collection", "GET", TEACHER, ("collection",)),
    Row("authoring:collection", "POST", TEACHER, ("collection",), {"name": "Mine now"}),
    Row("authoring:collection_delete", "POST", TEACHER, ("collection",)),
    Row("authoring:share", "POST", TEACHER, ("collection",), {"kind": "role", "role": "clinician"}),
    Row("authoring:share_revoke", "POST", TEACHER, ("collection", "share")),
    Row("authoring:shared", "GET", ANYONE, ("token",)),
    Row("authoring:shared", "POST", EVERYONE_SENT, ("token",)),
    Row("authoring:edit", "GET", WRITER, ("manuscript",)),
    Row("authoring:edit", "POST", WRITER_ACTS, ("manuscript",), {"history": "Cough."}),
    Row("authoring:history", "GET", WRITER, ("manuscript",)),
    Row("authoring:difference", "GET", WRITER, ("manuscript",), {"a": "1", "b": "1"}),
    Row("authoring:restore", "POST", WRITER_ACTS, ("manuscript", "revision")),
    Row("authoring:settle", "POST", WRITER_ACTS, ("contested", "conflict"), {"choice": "mine"}),
    Row("authoring:review", "GET", WRITER, ("manuscript",)),
    Row("authoring:act", "POST", WRITER_ACTS, ("manuscript",), {"act": "submit"}),
    Row("authoring:comment", "POST", WRITER_ACTS, ("manuscript",), {"text": "Which side?"}),
    Row("authoring:comment_resolve", "POST", WRITER_ACTS, ("manuscript", "comment"), {"resolved": "yes"}),
    Row("authoring:tick", "POST", WRITER_ACTS, ("manuscript",), {"item": "texts-read", "on": "yes"}),
    Row("authoring:doubt_crop", "GET", WRITER, ("manuscript", "masked")),
    Row("authoring:doubt", "POST", WRITER_ACTS, ("manuscript", "masked"), {"decision": "mask"}),
    Row("authoring:series_doubts", "POST", WRITER_ACTS, ("manuscript", "covered"), {"decision": "mask"}),
    Row("authoring:people", "POST", WRITER_ACTS, ("manuscript",), {"user": "stranger", "act": "add"}),
    Row("authoring:place", "POST", WRITER_ACTS, ("manuscript",), {"visibility": "private"}),
    Row("authoring:picture_add", "POST", WRITER_ACTS, ("manuscript",)),
    Row("authoring:pictures_sent", "GET", WRITER, ("manuscript",)),
    Row("authoring:pictures_again", "POST", WRITER_ACTS, ("manuscript", "pictures_sent")),
    Row("authoring:picture", "GET", WRITER, ("manuscript", "picture")),
    Row("authoring:picture_change", "POST", WRITER_ACTS, ("manuscript", "picture"), {"act": "erase"}),
    Row("library:doubts", "GET", ANYONE),
    Row("library:doubt_crop", "GET", OWNER_ALONE, ("doubt",)),
    Row("library:doubt_decided", "POST", (302, 302, 404, 404, 404, 404), ("doubt",)),
    # studies: of a draft that belongs to the educator, of another's department, and of a published one of the owner
    Row("studies:upload", "GET", AUTHORS),
    Row("studies:upload", "POST", AUTHORS),
    Row("studies:upload_result", "GET", UPLOADER, ("upload",)),
    Row("studies:upload_progress", "GET", UPLOADER, ("upload",)),
    Row("studies:upload_files", "POST", UPLOADER, ("upload",)),
    Row("studies:upload_start", "POST", (302, 404, 404, 400, 403, 404), ("upload",)),
    Row("studies:viewer", "GET", OWNER_ALONE, ("series_kind", "series")),
    Row("studies:viewer", "GET", OWNER_ALONE, ("images_kind", "private_image")),
    Row("studies:viewer", "GET", DEPARTMENT, ("images_kind", "department_image")),
    Row("studies:data", "GET", OWNER_ALONE, ("series_kind", "series")),
    Row("studies:data", "GET", OWNER_ALONE, ("images_kind", "private_image")),
    Row("studies:frame", "GET", OWNER_ALONE, ("series_kind", "series", "frame")),
    Row("studies:frame", "GET", OWNER_ALONE, ("images_kind", "private_image", "frame")),
    Row("studies:marks", "GET", OWNER_ALONE, ("series_kind", "series")),
    Row("studies:marks", "POST", (302, 400, 404, 404, 404, 404), ("series_kind", "series")),
    Row("studies:gsps", "GET", OWNER_ALONE, ("series_kind", "series")),
    Row("studies:sr", "GET", OWNER_ALONE, ("series_kind", "series")),
    Row("studies:marks_import", "POST", (302, 400, 404, 404, 404, 404), ("series_kind", "series")),
    Row("studies:mark", "POST", (302, 400, 404, 404, 404, 404), ("mark",)),
    Row("studies:mark_delete", "POST", OWNER_ALONE, ("mark",)),
    Row("studies:key_image", "POST", (302, 400, 404, 404, 403, 404), ("series",)),
    Row("studies:key_image", "POST", (302, 404, 404, 400, 403, 403), ("own_series",)),
    Row("studies:series_dicom", "GET", (302, 200, 404, 404, 403, 404), ("series",)),
    Row("studies:series_dicom", "GET", (302, 404, 404, 200, 403, 403), ("own_series",)),
    Row("studies:series_delete", "POST", (302, 302, 404, 404, 403, 404), ("series",)),
    Row("studies:series_delete", "POST", (302, 404, 404, 302, 403, 403), ("own_series",)),
    Row("studies:doubts", "POST", (302, 302, 404, 404, 403, 404), ("series",)),
    Row("studies:doubts", "POST", (302, 404, 404, 302, 403, 403), ("own_series",)),
    # privacy
    Row("privacy:subject", "GET", ADMINISTRATOR),
    Row("privacy:subject", "POST", ADMINISTRATOR, data={"patient": "A-1"}),
    Row("privacy:export", "POST", ADMINISTRATOR, data={"patient": "A-1"}),
    Row("privacy:erase", "POST", ADMINISTRATOR, data={"patient": "A-1"}),
    # teaching: who learns are clinicians and educators; the attempt and the run are the owner's, what is made the
    # educator's
    Row("teaching:home", "GET", LEARNERS),
    Row("teaching:case", "GET", (302, 200, 404, 404, 403, 403), ("private_case",)),
    Row("teaching:case", "GET", (302, 200, 404, 200, 403, 403), ("department_case",)),
    Row("teaching:case", "POST", (302, 302, 404, 404, 403, 403), ("private_case",)),
    Row("teaching:case", "POST", (302, 302, 404, 302, 403, 403), ("department_case",)),
    Row("teaching:attempt", "GET", LEARNER_ALONE, ("attempt",)),
    Row("teaching:attempt", "POST", (302, 302, 404, 404, 403, 403), ("attempt",)),
    Row("teaching:attempt_commit", "POST", (302, 302, 404, 404, 403, 403), ("attempt",), {"give_up": "1"}),
    Row("teaching:attempt_image", "GET", LEARNER_ALONE, ("attempt", "number")),
    Row("teaching:progress", "GET", LEARNERS),
    Row("teaching:quizzes", "GET", TEACHERS),
    Row("teaching:quizzes", "POST", (302, 403, 403, 302, 403, 403), data={"title": "Chest"}),
    Row("teaching:quiz", "GET", (302, 200, 404, 200, 403, 403), ("quiz",)),
    Row("teaching:quiz", "POST", (302, 302, 404, 302, 403, 403), ("quiz",)),
    Row("teaching:quiz_edit", "GET", TEACHERS, ("quiz",)),
    Row("teaching:quiz_edit", "GET", (302, 403, 403, 404, 403, 403), ("other_quiz",)),
    Row("teaching:quiz_edit", "POST", (302, 403, 403, 302, 403, 403), ("quiz",), {"title": "Chest"}),
    Row("teaching:quiz_preview", "GET", TEACHERS, ("quiz",)),
    Row("teaching:quiz_preview", "GET", (302, 403, 403, 404, 403, 403), ("other_quiz",)),
    Row("teaching:quiz_state", "POST", (302, 403, 403, 302, 403, 403), ("quiz",), {"state": "retired"}),
    Row("teaching:quiz_state", "POST", (302, 403, 403, 404, 403, 403), ("other_quiz",), {"state": "retired"}),
    Row("teaching:question_new", "GET", TEACHERS, ("quiz",)),
    Row("teaching:question_new", "POST", TEACHERS, ("quiz",)),
    Row("teaching:question_new", "GET", (302, 403, 403, 404, 403, 403), ("other_quiz",)),
    Row("teaching:question_edit", "GET", TEACHERS, ("quiz", "question")),
    Row("teaching:question_edit", "POST", TEACHERS, ("quiz", "question")),
    Row("teaching:question_edit", "GET", (302, 403, 403, 404, 403, 403), ("other_quiz", "question")),
    Row("teaching:question_place", "POST", (302, 403, 403, 302, 403, 403), ("quiz", "question"), {"move": "up"}),
    Row("teaching:question_place", "POST", (302, 403, 403, 404, 403, 403), ("other_quiz", "question")),
    Row("teaching:results", "GET", TEACHERS, ("quiz",)),
    Row("teaching:results", "GET", (302, 403, 403, 404, 403, 403), ("other_quiz",)),
    Row("teaching:results_export", "GET", TEACHERS, ("quiz",)),
    Row("teaching:results_export", "GET", (302, 403, 403, 404, 403, 403), ("other_quiz",)),
    Row("teaching:run", "GET", LEARNER_ALONE, ("quiz_run",)),
    Row("teaching:run", "POST", (302, 302, 404, 404, 403, 403), ("quiz_run",)),
    Row("teaching:run_image", "GET", LEARNER_ALONE, ("quiz_run", "number")),
    Row("teaching:courses", "GET", TEACHERS),
    Row("teaching:courses", "POST", (302, 403, 403, 302, 403, 403), data={"title": "Chest"}),
    Row("teaching:course", "GET", (302, 200, 404, 200, 403, 403), ("course",)),
    Row("teaching:course", "POST", (302, 302, 404, 302, 403, 403), ("course",)),
    Row("teaching:join", "GET", LEARNERS),
    Row("teaching:join", "POST", (302, 302, 302, 302, 403, 403), data={"code": "NOTHING"}),
    Row("teaching:course_edit", "GET", TEACHERS, ("course",)),
    Row("teaching:course_edit", "GET", (302, 403, 403, 404, 403, 403), ("other_course",)),
    Row("teaching:course_edit", "POST", (302, 403, 403, 302, 403, 403), ("course",), {"title": "Chest"}),
    Row("teaching:course_items", "POST", (302, 403, 403, 302, 403, 403), ("course",)),
    Row("teaching:course_items", "POST", (302, 403, 403, 404, 403, 403), ("other_course",)),
    Row("teaching:course_cohorts", "POST", (302, 403, 403, 302, 403, 403), ("course",), {"name": "Autumn"}),
    Row("teaching:course_progress_export", "GET", TEACHERS, ("course",)),
    Row("teaching:course_progress_export", "GET", (302, 403, 403, 404, 403, 403), ("other_course",)),
    Row("teaching:course_cohorts", "POST", (302, 403, 403, 404, 403, 403), ("other_course",), {"name": "Autumn"}),
    Row("teaching:course_progress", "GET", TEACHERS, ("course",)),
    Row("teaching:course_progress", "GET", (302, 403, 403, 404, 403, 403), ("other_course",)),
    Row("teaching:platforms", "GET", ADMINISTRATOR),
    Row("teaching:platforms", "POST", ADMINISTRATOR),
    Row("teaching:platform_edit", "GET", ADMINISTRATOR, ("platform",)),
    Row("teaching:platform_edit", "POST", ADMINISTRATOR, ("platform",)),
    Row("teaching:platform", "POST", (302, 403, 403, 403, 403, 302), ("platform",), {"active": "off"}),
    # a learning platform's way in: whoever asks is asked who they are by signatures, not by a session
    Row("teaching:lti_keys", "GET", (200, 200, 200, 200, 200, 200)),
    Row("teaching:lti_login", "GET", (403, 403, 403, 403, 403, 403)),
    Row("teaching:lti_login", "POST", (403, 403, 403, 403, 403, 403)),
    Row("teaching:lti_launch", "POST", (403, 403, 403, 403, 403, 403)),
    # library
    Row("library:list", "GET", ANYONE),
    Row("library:sources", "GET", ANYONE),
    Row("library:item", "GET", (302, 302, 404, 404, 404, 404), ("private_case",)),
    Row("library:item", "GET", (302, 302, 404, 302, 404, 404), ("department_case",)),
    Row("library:item", "GET", (302, 302, 404, 302, 404, 302), ("draft_case",)),
    Row("library:case", "GET", OWNER_ALONE, ("private_case",)),
    Row("library:case", "GET", DEPARTMENT, ("department_case",)),
    Row("library:case", "GET", PUBLISHERS, ("draft_case",)),
    Row("library:document", "GET", OWNER_ALONE, ("private_document",)),
    Row("library:document", "GET", (302, 404, 404, 404, 404, 404), ("private_case",)),
    Row("library:recall", "POST", (302, 403, 403, 404, 403, 404), ("private_document",)),
    Row("library:recall", "POST", EDITORS_ACT, ("document",), {"kind": "retracted", "reason": "Figures were made up."}),
    Row("library:recall_undo", "POST", EDITORS_ACT, ("document",), {"reason": "It was another paper."}),
    Row("library:disputes", "GET", EDITORS),
    Row("library:dispute_resolve", "POST", EDITORS_ACT, ("dispute",), {"reason": "The source says so."}),
    Row("library:image", "GET", OWNER_ALONE, ("private_image",)),
    Row("library:image", "GET", DEPARTMENT, ("department_image",)),
    Row("library:frame", "GET", OWNER_ALONE, ("private_image", "frame")),
    Row("library:search_save", "POST", (302, 302, 302, 302, 302, 302), data={"name": "Nodules", "q": "nodule"}),
    Row("library:search_delete", "POST", (302, 302, 404, 404, 404, 404), ("search",)),
    Row("library:gamuts", "GET", ANYONE),
    Row("library:quarantines", "GET", IMPORTERS),
    Row("library:quarantines", "POST", (302, 403, 403, 302, 403, 302), (), {"source_name": "tests", "reason": "x"}),
    Row("library:quarantine_lift", "POST", (302, 403, 403, 302, 403, 302), ("quarantine",)),
    Row("library:import", "GET", IMPORTERS),
    Row("library:import", "POST", IMPORTERS),
    Row("library:import_result", "GET", (302, 403, 403, 404, 403, 404), ("import",)),
    # exchange: an export holds what its maker may open, and is theirs alone
    Row("exchange:export", "GET", ANYONE),
    Row("exchange:export", "POST", ANYONE, data={"format": "jsonl", "collection": ""}),
    Row("exchange:carried", "GET", (302, 403, 403, 200, 403, 200), ("draft_case",)),
    Row("exchange:carried", "POST", (302, 403, 403, 302, 403, 302), ("draft_case",)),
    Row("exchange:carried", "GET", (302, 403, 403, 404, 403, 404), ("private_case",)),
    Row("exchange:result", "GET", (302, 404, 404, 404, 404, 404), ("import",)),
    Row("exchange:fetch", "GET", (302, 404, 404, 404, 404, 404), ("import",)),
    Row("library:publish", "POST", (302, 403, 403, 404, 403, 404), ("private_case",)),
    Row("library:publish", "POST", (302, 403, 403, 302, 403, 302), ("draft_case",)),
    Row("library:unpublish", "POST", (302, 403, 403, 404, 403, 404), ("private_case",)),
    Row("library:unpublish", "POST", (302, 403, 403, 302, 403, 302), ("draft_case",)),
]


@dataclass(frozen=True)
class World:
    people: Mapping[str, User]
    objects: Mapping[str, int | str | UUID]
    clients: dict[str, Client] = field(default_factory=dict)

    def client(self, person: str) -> Client:
        if person in self.clients:
            return self.clients[person]
        client = self.clients[person] = Client()
        # One for all: making it anew reads the folder of static files each time.
        client.handler = HANDLER
        if person in self.people:
            client.force_login(self.people[person])
        return client

    def url(self, name: str, args: tuple[str, ...]) -> str:
        if name.startswith("openid_connect"):
            return reverse(name, kwargs={"provider_id": "oidc"})
        return reverse(name, args=[self.objects[arg] for arg in args])


@pytest.fixture
def world(make_user, clinician: User, educator: User, auditor: User, administrator: User, media: None) -> World:
    people = {"owner": clinician, "educator": educator, "auditor": auditor, "administrator": administrator}
    return one_world(make_user, people)


def one_world(make_user: Callable[..., User], people: dict[str, User]) -> World:
    """One object of each kind that a URL names; `people` are those of PEOPLE but the stranger."""
    people["stranger"] = make_user("stranger", Role.CLINICIAN, department="surgery")
    clinician, educator = people["owner"], people["educator"]
    consultation = answered_consultation(clinician, with_image=True)
    objects = {
        "consultation": consultation.pk,
        "image": consultation.images.get().pk,
        "handle": "none",
        "account": (someone := make_user("someone", Role.CLINICIAN)).pk,
        "frame": 0,
        "evaluation": evaluation_run().pk,
        "weights": ranking_weights().version,
        "card": "model-card",
        "replay": Replay.objects.create(consultation=consultation).pk,
        "quarantine": Quarantine.objects.create(source_name="elsewhere", reason="x", by=educator).pk,
        "passkey": Authenticator.objects.create(user=someone, type="webauthn", data={"name": "key"}).pk,
        "import": UUID(int=7),
        "doubt": Doubt.objects.create(
            name="cases/0.png", owner=clinician, left=0, top=0, width=1, height=1, score=0.4, crop=PIXEL_TEXT
        ).pk,
        "search": SavedSearch.objects.create(user=clinician, name="Masses", filters={"q": "mass"}).pk,
        "private_document": library_document(clinician, Visibility.PRIVATE).pk,
    }
    for visibility in (Visibility.PRIVATE, Visibility.DEPARTMENT):
        case = library_case(clinician, visibility)
        objects |= {f"{visibility}_case": case.pk, f"{visibility}_image": case.images.get().pk}
    document = library_document(None)
    teacher = make_user("teacher", Role.EDUCATOR, department="surgery")
    run = drill_run(answered_consultation(teacher), learner=clinician)
    objects |= {
        "group": UserGroup.objects.create(name="Early shift").pk,
        "notice": Notice.objects.create(recipient=clinician, kind="drill", path="/", key="drill:1").pk,
        "drill": run.drill_id,
        "run": run.pk,
        "citation": Citation.objects.get(evidence__consultation=consultation).pk,
        "gap": Gap.objects.create(topic="hamartoma", title="Hamartoma").pk,
        "document": document.pk,
        "dispute": Dispute.objects.create(item=document, quote_sha256="0" * 64).pk,
    }
    structure = Structure.objects.create(name="Liver", by=educator)
    drawn = {"structure": structure, "image_id": objects["department_image"], "runs": "0 1", "area": 1, "by": educator}
    objects |= {
        "structure": structure.pk,
        "proposal": Proposal.objects.create(**drawn).pk,
        "mask": RegionMask.objects.create(origin="drawn", **drawn).pk,
    }
    objects |= teaching_objects(clinician, educator)
    objects["draft_case"] = library_case(clinician, Visibility.PUBLIC, state=State.DRAFT).pk
    series = stored_series(Case.objects.get(pk=objects["private_case"]))
    own = library_case(educator, Visibility.PUBLIC, state=State.DRAFT)
    objects |= {
        "series_kind": Fixed("series"),
        "images_kind": Fixed("images"),
        "series": series.pk,
        "own_series": stored_series(own).pk,
        "mark": series.marks.create(
            owner=clinician, kind="length", points=[[0, 0], [1, 1]], values={"length": 1.0, "length_unit": "mm"}
        ).pk,
        "upload": StudyUpload.objects.create(case=own, owner=educator, place="study-none").pk,
    }
    for name in ("draft_case", "private_case"):
        Carried.objects.create(case_id=objects[name], format="mirc", tree=["MIRCdocument", {}, []])
    objects |= writing_objects(clinician, teacher)
    return World(people, objects)


@pytest.fixture
def media(settings, tmp_path) -> None:
    settings.MEDIA_ROOT = tmp_path


def url_names(resolver: URLResolver | None = None, namespace: str = "") -> Iterator[str]:
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from url_names(pattern, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}"


def test_every_url_is_in_the_table() -> None:
    assert set(url_names()) == {row.name for row in TABLE}


def test_every_url_has_a_name() -> None:
    assert not [name for name in url_names() if name.endswith("None")]


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_the_table_holds(world: World, row: Row) -> None:
    url = world.url(row.name, row.args)
    got = {person: ask(world, person, url, row.method, row.data) for person in PEOPLE}
    assert got == dict(zip(PEOPLE, row.expected, strict=True))


@pytest.mark.parametrize("name", sorted({row.name for row in TABLE}))
def test_methods_that_are_not_in_the_table_do_nothing(world: World, name: str) -> None:
    rows = {row.method: row for row in TABLE if row.name == name}
    url = world.url(name, next(iter(rows.values())).args)
    for method in set(METHODS) - set(rows):
        for person in ("anonymous", "owner", "auditor", "administrator"):
            assert ask(world, person, url, method) in (302, 403, 404, 405, 429), (person, method)


@pytest.mark.parametrize("row", [row for row in TABLE if row.args], ids=str)
@pytest.mark.parametrize("number", [987654321, 2**63])
def test_what_does_not_exist_is_no_error(world: World, row: Row, number: int) -> None:
    nowhere = {name: NOWHERE.get(type(value), value) for name, value in world.objects.items()}
    url = World({}, nowhere).url(row.name, row.args).replace("987654321", str(number))
    for person in PEOPLE[1:]:
        assert ask(world, person, url, row.method, row.data) in (403, 404), person


def ask(world: World, person: str, url: str, method: str, data: Mapping[str, str] | None = None) -> int:
    """The status; what the request changed is undone. 999 is being sent to sign in although one is signed in."""
    client = world.client(person)
    with transaction.atomic():
        send = getattr(client, method.lower())
        response = send(url, data or {}) if method in ("GET", "POST") else send(url)
        if response.streaming and not response.is_async:
            # To its end, where the test client closes it without the connection it shares with the test.
            b"".join(response.streaming_content)
        transaction.set_rollback(True)
    sent_to_sign_in = response.status_code == 302 and response["Location"].startswith(SIGN_IN)
    if person != "anonymous" and sent_to_sign_in and "sign-out" not in url:
        return 999
    return response.status_code
