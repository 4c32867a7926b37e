"""Which request leaves which event. A URL that is in neither table fails."""

from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.audit.services import record
from cdss.library.models import Case, State
from tests.cdss.test_access import TABLE, Fixed, Row, World, media, url_names, world

__all__ = ["media", "world"]

# Route and method → the action its event has, where the request reads or writes what is of a patient, or changes
# anything. Each is asked for by the first person who may.
AUDITED: dict[tuple[str, str], str] = {
    ("authoring:act", "POST"): "case.submitted",
    ("authoring:bulk_undo", "POST"): "case.bulk_taken_back",
    ("authoring:collection_new", "POST"): "collection.created",
    ("authoring:comment", "POST"): "case.commented",
    ("authoring:comment_resolve", "POST"): "case.comment_resolved",
    ("authoring:difference", "GET"): "case.history_viewed",
    ("authoring:edit", "GET"): "case.viewed",
    ("authoring:edit", "POST"): "case.edited",
    ("authoring:history", "GET"): "case.history_viewed",
    ("authoring:list", "GET"): "case.listed",
    ("authoring:new", "POST"): "case.begun",
    ("authoring:open", "POST"): "case.opened",
    ("authoring:people", "POST"): "case.co_author_added",
    ("authoring:picture", "GET"): "case.image_viewed",
    ("authoring:picture_change", "POST"): "case.picture_erased",
    ("authoring:place", "POST"): "case.placed",
    ("authoring:restore", "POST"): "case.restored",
    ("authoring:review", "GET"): "case.viewed",
    ("authoring:settle", "POST"): "case.conflict_settled",
    ("authoring:tick", "POST"): "case.ticked",
    ("account_reauthenticate", "POST"): "account.second_factor_failed",
    ("teaching:attempt", "GET"): "teaching.attempt_viewed",
    ("teaching:attempt_commit", "POST"): "teaching.attempt_committed",
    ("teaching:attempt_image", "GET"): "teaching.image_viewed",
    ("teaching:case", "POST"): "teaching.attempt_started",
    ("teaching:course_cohorts", "POST"): "course.cohort_created",
    ("teaching:course_edit", "POST"): "course.changed",
    ("teaching:course_progress", "GET"): "course.progress_viewed",
    ("teaching:courses", "POST"): "course.created",
    ("teaching:platform", "POST"): "teaching.platform_switched",
    ("teaching:question_place", "POST"): "quiz.question_moved",
    ("teaching:quiz_edit", "POST"): "quiz.changed",
    ("teaching:quiz_preview", "GET"): "quiz.previewed",
    ("teaching:quiz_state", "POST"): "quiz.retired",
    ("teaching:quizzes", "POST"): "quiz.created",
    ("teaching:results", "GET"): "quiz.results_viewed",
    ("teaching:results_export", "GET"): "quiz.results_exported",
    ("teaching:course_progress_export", "GET"): "course.progress_exported",
    ("teaching:run", "GET"): "quiz.viewed",
    ("teaching:run", "POST"): "quiz.submitted",
    ("teaching:run_image", "GET"): "teaching.image_viewed",
    ("regions:prepare", "POST"): "regions.prepared",
    ("regions:proposal", "POST"): "regions.mask_saved",
    ("regions:segmentation", "GET"): "regions.mask_exported",
    ("regions:structure", "GET"): "regions.structure_viewed",
    ("regions:structures", "POST"): "regions.structure_made",
    ("regions:withdraw", "POST"): "regions.mask_withdrawn",
    ("studies:data", "GET"): "studies.viewed",
    ("studies:frame", "GET"): "studies.viewed",
    ("studies:gsps", "GET"): "studies.marks_exported",
    ("studies:mark_delete", "POST"): "studies.mark_deleted",
    ("studies:series_delete", "POST"): "studies.series_deleted",
    ("studies:series_dicom", "GET"): "studies.series_exported",
    ("studies:sr", "GET"): "studies.marks_exported",
    ("studies:viewer", "GET"): "studies.viewed",
    ("accounts:user_factors_reset", "POST"): "account.second_factors_reset",
    ("accounts:user_sessions_end", "POST"): "account.sessions_ended",
    ("exchange:carried", "GET"): "library.viewed",
    ("exchange:carried", "POST"): "library.carried_forgotten",
    ("exchange:export", "POST"): "library.exported",
    ("learning:version", "GET"): "ranking.viewed",
    ("authoring:doubt", "POST"): "image.doubt_decided",
    ("authoring:doubt_crop", "GET"): "image.doubt_viewed",
    ("library:doubt_crop", "GET"): "image.doubt_viewed",
    ("library:doubt_decided", "POST"): "image.doubt_decided",
    ("library:doubts", "GET"): "image.doubts_listed",
    ("library:quarantine_lift", "POST"): "library.quarantine_lifted",
    ("library:quarantines", "POST"): "library.quarantined",
    ("indexing:check", "POST"): "index.check_asked",
    ("locks:modes", "POST"): "lock.set",
    ("privacy:subject", "POST"): "privacy.looked_up",
    ("accounts:group_edit", "POST"): "group.changed",
    ("accounts:group_new", "POST"): "group.created",
    ("consultations:invite", "POST"): "consultation.rater_invited",
    ("drills:drill", "GET"): "drill.report_viewed",
    ("drills:run", "GET"): "drill.viewed",
    ("drills:run", "POST"): "drill.submitted",
    ("feedback:agreement", "GET"): "feedback.agreement_viewed",
    ("feedback:citation", "GET"): "feedback.citation_viewed",
    ("feedback:gap", "POST"): "gap.changed",
    ("feedback:own_first", "GET"): "feedback.own_first_viewed",
    ("library:dispute_resolve", "POST"): "library.dispute_resolved",
    ("library:recall", "POST"): "library.recalled",
    ("notices:open", "POST"): "notice.read",
    ("notices:read_all", "POST"): "notice.all_read",
    ("accounts:sign_out", "POST"): "account.signed_out",
    ("accounts:user_edit", "POST"): "account.changed",
    ("accounts:user_password", "POST"): "account.password_reset",
    ("audit:anchors", "POST"): "audit.anchored",
    ("audit:anchors_export", "GET"): "audit.anchors_exported",
    ("audit:export", "GET"): "audit.exported",
    ("audit:list", "GET"): "audit.viewed",
    ("audit:verify", "POST"): "audit.verified",
    ("consultations:again", "POST"): "consultation.asked_again",
    ("consultations:detail", "GET"): "consultation.viewed",
    ("consultations:export", "GET"): "consultation.exported",
    ("consultations:image", "GET"): "consultation.image_viewed",
    ("consultations:list", "GET"): "consultation.listed",
    ("consultations:new", "POST"): "consultation.started",
    ("consultations:print", "GET"): "consultation.printed",
    ("consultations:replay", "GET"): "consultation.replay_viewed",
    ("consultations:replays", "GET"): "consultation.replays_listed",
    ("consultations:replays", "POST"): "consultation.replay_asked",
    ("consultations:start", "GET"): "consultation.listed",
    ("feedback:export", "GET"): "feedback.exported",
    ("feedback:give", "POST"): "feedback.given",
    ("feedback:list", "GET"): "feedback.listed",
    ("library:case", "GET"): "library.viewed",
    ("library:document", "GET"): "library.viewed",
    ("library:frame", "GET"): "library.image_viewed",
    ("library:image", "GET"): "library.image_viewed",
    ("library:list", "GET"): "library.listed",
    ("library:publish", "POST"): "library.published",
    ("library:search_delete", "POST"): "library.search_deleted",
    ("library:search_save", "POST"): "library.search_saved",
    ("library:unpublish", "POST"): "library.unpublished",
    ("oversight:dashboard", "GET"): "oversight.viewed",
}
REDIRECTS = "it shows nothing and sends on to a page that is recorded"
FORM = "an empty form"
OF_A_PAGE = "a part of a page that is recorded when it is opened"
SIGN_IN_STEP = "a step of signing in or of one's own factors, whose end is recorded"
SIGN_IN_PAGES = (
    "account_login",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_authenticate",
    "mfa_deactivate_totp",
    "mfa_generate_recovery_codes",
    "mfa_login_webauthn",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_remove_webauthn",
)
CONFIRMED = "asks who one is before anything happens: accounts/test_sessions.py"
REFUSED = "as it is asked here it changes nothing; what it does when it does is tested beside its service"
NOT_STORED = "it works on what the user has just typed, and neither reads nor keeps anything"
MEASURES = "figures and texts about the program; nothing of a patient"
COUNTS = "states, counts and durations; nothing of the case"
# Route and method → why there is no event.
NOT_AUDITED: dict[tuple[str, str], str] = {
    **{(name, method): SIGN_IN_STEP for name in SIGN_IN_PAGES for method in ("GET", "POST")},
    ("indexing:state", "GET"): "counts and versions of the index, nothing of a case",
    ("authoring:bulk", "GET"): "what kind of change was made of how many cases, by whom it was made",
    ("authoring:bulk_change", "POST"): REFUSED,
    ("authoring:collection", "GET"): REFUSED,
    ("authoring:collection", "POST"): REFUSED,
    ("authoring:collection_delete", "POST"): REFUSED,
    ("authoring:collection_new", "GET"): FORM,
    ("authoring:collections", "GET"): "names of collections",
    ("authoring:import", "GET"): FORM,
    ("authoring:import", "POST"): REFUSED,
    ("authoring:new", "GET"): FORM,
    ("authoring:picture_add", "POST"): REFUSED,
    ("authoring:planned", "GET"): REFUSED,
    ("authoring:planned", "POST"): REFUSED,
    ("authoring:planned_progress", "GET"): COUNTS,
    ("authoring:pictures_again", "POST"): REFUSED,
    ("authoring:pictures_sent", "GET"): COUNTS,
    ("authoring:share", "POST"): REFUSED,
    ("authoring:share_revoke", "POST"): REFUSED,
    ("authoring:shared", "GET"): "the name of a collection, for whoever has its link",
    ("authoring:shared", "POST"): "a link is recorded when it is first opened, which it was",
    ("authoring:suggest", "GET"): "terms of vocabularies",
    ("account_reauthenticate", "GET"): FORM,
    **{
        (f"teaching:{name}", "GET"): FORM
        for name in ("courses", "join", "platforms", "platform_edit", "question_edit", "question_new", "quizzes")
    },
    **{
        (f"teaching:{name}", "POST"): REFUSED
        for name in (
            *("attempt", "course", "course_items", "join", "lti_launch", "platforms", "question_edit", "question_new"),
            *("platform_edit", "quiz"),
        )
    },
    ("teaching:case", "GET"): "the start of a case, which shows nothing of it",
    ("teaching:course", "GET"): "titles; what is opened from it is recorded",
    ("teaching:course_edit", "GET"): "titles and codes of one's own course",
    ("teaching:home", "GET"): "titles that say nothing of a case; each is recorded when it is begun",
    ("teaching:lti_keys", "GET"): "public keys",
    ("teaching:lti_login", "GET"): REFUSED,
    ("teaching:lti_login", "POST"): REFUSED,
    ("teaching:progress", "GET"): "one's own results",
    ("teaching:quiz", "GET"): "a title and a count of questions",
    ("teaching:quiz_edit", "GET"): "one's own questions",
    ("mfa_index", "GET"): "one's own second factors",
    ("mfa_view_recovery_codes", "GET"): REFUSED,
    ("openid_connect_callback", "GET"): REFUSED,
    ("openid_connect_login", "POST"): REFUSED,
    ("consultations:from_case", "POST"): REFUSED,
    ("learning:list", "GET"): "versions and figures, of no patient",
    ("learning:promote", "POST"): REFUSED,
    ("learning:rollback", "POST"): REFUSED,
    ("exchange:export", "GET"): "a form with a count; what leaves is recorded",
    ("exchange:fetch", "GET"): REFUSED,
    ("exchange:result", "GET"): "counts of one's own export, which is recorded",
    ("library:quarantines", "GET"): "sources and reasons, of no patient",
    ("locks:modes", "GET"): FORM,
    ("privacy:erase", "POST"): REFUSED,
    ("privacy:export", "POST"): REFUSED,
    ("privacy:subject", "GET"): FORM,
    ("accounts:group_edit", "GET"): "a group of accounts, no patient",
    ("accounts:group_new", "GET"): FORM,
    ("accounts:groups", "GET"): "groups of accounts, no patient",
    ("consultations:afterwards", "POST"): REFUSED,
    ("consultations:commit", "POST"): REFUSED,
    ("drills:list", "GET"): "names and counts of drills; each is recorded when it is opened",
    ("drills:new", "GET"): REFUSED,
    ("drills:new", "POST"): REFUSED,
    ("feedback:draft", "POST"): REFUSED,
    ("feedback:gaps", "GET"): "topics and counts, of no patient",
    ("library:disputes", "GET"): "passages of the library and what was said of them",
    ("library:recall_undo", "POST"): REFUSED,
    ("notices:list", "GET"): "one's own notices, which hold numbers and no content",
    ("accounts:password", "GET"): FORM,
    ("accounts:password", "POST"): REFUSED,
    ("accounts:profile", "GET"): "one's own account",
    ("accounts:session_end", "POST"): CONFIRMED,
    ("accounts:sessions_end", "POST"): CONFIRMED,
    ("accounts:sign_in", "GET"): FORM,
    ("accounts:sign_in", "POST"): REFUSED,
    ("accounts:user_edit", "GET"): "an account, no patient",
    ("accounts:user_new", "GET"): FORM,
    ("accounts:user_new", "POST"): REFUSED,
    ("accounts:users", "GET"): "accounts, no patient",
    ("audit:anchors", "GET"): "hashes alone",
    ("audit:prepare", "GET"): "a count; the export itself is recorded",
    ("audit:verifier", "GET"): "the program that checks an export",
    ("consultations:cancel", "POST"): REFUSED,
    ("consultations:new", "GET"): FORM,
    ("consultations:preview", "POST"): NOT_STORED,
    ("regions:compare", "GET"): REFUSED,
    ("regions:draw", "GET"): REFUSED,
    ("regions:draw", "POST"): REFUSED,
    ("regions:overlay", "GET"): OF_A_PAGE,
    ("regions:proposal", "GET"): OF_A_PAGE,
    ("regions:propose", "POST"): REFUSED,
    ("regions:read", "POST"): REFUSED,
    ("regions:search", "GET"): FORM,
    ("regions:structures", "GET"): "names of structures",
    ("authoring:series_doubts", "POST"): REFUSED,
    ("studies:doubts", "POST"): REFUSED,
    ("studies:key_image", "POST"): REFUSED,
    ("studies:mark", "POST"): REFUSED,
    ("studies:marks", "GET"): OF_A_PAGE,
    ("studies:marks", "POST"): REFUSED,
    ("studies:marks_import", "POST"): REFUSED,
    ("studies:upload", "GET"): FORM,
    ("studies:upload", "POST"): REFUSED,
    ("studies:upload_files", "POST"): REFUSED,
    ("studies:upload_progress", "GET"): COUNTS,
    ("studies:upload_result", "GET"): COUNTS,
    ("studies:upload_start", "POST"): REFUSED,
    ("consultations:progress", "GET"): COUNTS,
    ("consultations:retry", "POST"): REFUSED,
    ("consultations:review", "GET"): REDIRECTS,
    ("consultations:review", "POST"): REDIRECTS,
    ("consultations:split", "POST"): NOT_STORED,
    ("consultations:status", "GET"): COUNTS,
    ("evaluation:list", "GET"): MEASURES,
    ("evaluation:run", "GET"): MEASURES,
    ("feedback:give", "GET"): FORM,
    ("oversight:about", "GET"): MEASURES,
    ("oversight:about_json", "GET"): MEASURES,
    ("library:gamuts", "GET"): "reference lists, of no patient",
    ("library:import", "GET"): FORM,
    ("library:import", "POST"): REFUSED,
    ("library:import_result", "GET"): "counts of an import, which is recorded",
    ("library:item", "GET"): REDIRECTS,
    ("library:sources", "GET"): "counts of collections",
}
PEOPLE = ("owner", "educator", "auditor", "administrator")
STATUS = {"owner": 1, "educator": 3, "auditor": 4, "administrator": 5}


def key_of(row: Row) -> tuple[str, str]:
    return row.name, row.method


def who_may(row: Row) -> list[str]:
    return [name for name in PEOPLE if row.expected[STATUS[name]] in (200, 302)]


SHOWN = [row for row in TABLE if key_of(row) in AUDITED and who_may(row)]


def test_every_route_is_in_one_of_the_tables() -> None:
    asked = {key_of(row) for row in TABLE}
    assert asked == set(AUDITED) | set(NOT_AUDITED)
    assert not set(AUDITED) & set(NOT_AUDITED)
    assert {name for name, _ in asked} == set(url_names())


def answered(world: World, row: Row) -> tuple[User, list[Event]]:
    """Asks as the first who may, and gives the events that were added."""
    person = who_may(row)[0]
    client, before = world.client(person), Event.objects.count()
    send = getattr(client, row.method.lower())
    response = send(world.url(row.name, row.args), row.data or {})
    assert response.status_code in (200, 302)
    if response.streaming and not response.is_async:
        b"".join(response.streaming_content)
    return world.people[person], list(Event.objects.order_by("sequence")[before:])


def test_every_audited_route_is_tried() -> None:
    assert {key_of(row) for row in SHOWN} == set(AUDITED)


@pytest.mark.parametrize("row", SHOWN, ids=str)
def test_what_is_of_a_patient_leaves_an_event(world: World, row: Row) -> None:
    if row.name == "library:unpublish":
        world.client("educator").post(world.url("library:publish", row.args))
    if row.name == "studies:series_delete":
        # What readers see is not deleted.
        Case.objects.filter(series__isnull=False).update(state=State.DRAFT)
    if row.name == "audit:anchors":
        # An empty trail has nothing to anchor.
        record(action="written")
    person, events = answered(world, row)
    mine = [event for event in events if event.action == AUDITED[key_of(row)]]
    assert mine, [event.action for event in events]
    # A failed proof of who one is names the account it is about, and no actor.
    assert mine[0].actor == person.username or mine[0].object_id == str(person.pk)
    named = [each for name in row.args if not isinstance(each := world.objects[name], Fixed)]
    if named and not isinstance(named[0], UUID):
        assert str(named[0]) in (mine[0].object_id, *map(str, mine[0].details.values()))


@pytest.mark.parametrize("row", [row for row in TABLE if key_of(row) in NOT_AUDITED], ids=str)
def test_what_is_not_leaves_none(world: World, row: Row) -> None:
    if not who_may(row):
        pytest.skip("nobody of these may")
    assert [event.action for event in answered(world, row)[1]] == []


def test_a_small_image_belongs_to_its_list(world: World) -> None:
    client, before = world.client("owner"), Event.objects.count()
    image = world.objects["private_image"]
    assert client.get(reverse("library:image", args=[image]), {"size": "thumb"}).status_code == 200
    assert Event.objects.count() == before


def test_the_first_and_the_last_read_of_a_patient_are_in_the_trail(world: World, client: Client) -> None:
    """A stranger who asks for what is not theirs leaves no event of having read it."""
    before = Event.objects.count()
    for name in ("consultations:detail", "consultations:export", "consultations:print"):
        assert world.client("stranger").get(world.url(name, ("consultation",))).status_code == 404
    assert Event.objects.count() == before
