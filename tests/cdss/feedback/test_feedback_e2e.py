"""Feedback in a real browser: what its scripts do, what axe finds, and that a withheld answer is in no page."""

from collections.abc import Callable

import pytest
from django.test import Client
from playwright.sync_api import Page

from cdss.accounts.models import User
from cdss.consultations.models import Citation, Consultation, RaterInvitation
from cdss.consultations.own import differential_afterwards, differential_commit
from cdss.drills.services import drill_submit
from cdss.feedback.models import Feedback, Gap
from cdss.feedback.services import feedback_give
from cdss.library.recalls import document_recall
from tests.cdss.cast import answered_consultation, drill_run, library_document, parts
from tests.cdss.consultations.test_pages_e2e import AXE, CHROMIUM, RULES, browser

__all__ = ["browser"]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]


@pytest.fixture
def open_as(browser, live_server):  # type: ignore[no-untyped-def]
    contexts = []

    def opened(user: User, path: str, *, width: int = 1440, theme: str = "light", axe: bool = False) -> Page:
        client = Client()
        client.force_login(user)
        context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=axe)
        contexts.append(context)
        session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        context.add_cookies([session])
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        page = context.new_page()
        page.complaints = []  # type: ignore[attr-defined]
        page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
        page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))  # type: ignore[attr-defined]
        page.goto(live_server.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def cited(clinician: User, educator: User) -> Consultation:
    row = answered_consultation(clinician)
    row.evidence.update(item=library_document(educator))
    return row


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390), ("contrast", 1440)])
def test_axe_finds_nothing(
    open_as: Callable[..., Page], clinician: User, educator: User, auditor: User, administrator: User,
    cited: Consultation, theme: str, width: int,
) -> None:  # fmt: skip
    citation = Citation.objects.get(evidence__consultation=cited)
    statement = parts(cited)[1]
    RaterInvitation.objects.create(consultation=cited, rater=educator)
    for by, verdict in ((clinician, "agree"), (educator, "useful")):
        feedback_give(by=by, consultation=cited, statement=statement, verdict=verdict)
    feedback_give(by=clinician, consultation=cited, citation=citation, verdict="unsafe", reason="not-in-source")
    feedback_give(
        by=clinician, consultation=cited, verdict="final", final_diagnosis="Carcinoid", confirmed_by="surgery"
    )
    Consultation.objects.filter(pk=cited.pk).update(user_group="Night", commit_first=True)
    cited.refresh_from_db()
    differential_commit(consultation=cited, by=clinician, names=["Carcinoid"])
    differential_afterwards(consultation=cited, by=clinician, names=["Hamartoma"])
    document = cited.evidence.get().item
    document_recall(document=document, kind="retracted", reason="Made up.", by=educator)
    withheld = answered_consultation(clinician)
    Consultation.objects.filter(pk=withheld.pk).update(commit_first=True)
    fresh, done = (drill_run(answered_consultation(educator), clinician) for _ in range(2))
    drill_submit(run=done, by=clinician, marked=[])
    pages = [
        (clinician, f"/consultations/{cited.pk}/"), (clinician, f"/consultations/{withheld.pk}/"),
        (clinician, f"/feedback/consultations/{cited.pk}/citations/{citation.pk}/"),
        (clinician, f"/drills/runs/{fresh.pk}/"), (clinician, f"/drills/runs/{done.pk}/"), (clinician, "/drills/"),
        (educator, "/notices/"), (educator, "/feedback/gaps/"), (educator, "/library/disputes/"),
        (educator, f"/library/documents/{document.pk}/"), (educator, f"/drills/{done.drill_id}/"),
        (educator, f"/drills/new/{done.drill.consultation_id}/"), (educator, "/drills/"),
        (auditor, "/feedback/"), (auditor, "/feedback/agreement/"), (auditor, "/feedback/own-first/"),
        (administrator, "/accounts/groups/"), (administrator, "/accounts/groups/new/"),
    ]  # fmt: skip
    for user, path in pages:
        page = open_as(user, path, width=width, theme=theme, axe=True)
        page.evaluate(AXE.read_text())
        found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
        assert [(path, rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_a_citation_is_called_wrong_in_place(
    open_as: Callable[..., Page], clinician: User, cited: Consultation
) -> None:
    page = open_as(clinician, f"/consultations/{cited.pk}/")
    page.locator(".cite-say").first.click()
    panel = page.locator(".citation-say")
    panel.locator("button", has_text="Wrong").click()
    panel.locator("select[name=reason]").select_option("not-in-source")
    panel.locator("textarea[name=correction]").fill("Fat alone.")
    panel.locator("button", has_text="Send").click()
    panel.locator("button[aria-pressed=true]", has_text="Wrong").wait_for()
    given = Feedback.objects.get()
    assert (given.citation_id is not None, given.reason, given.correction) == (True, "not-in-source", "Fat alone.")
    page.reload()
    page.locator(".cite-warned").first.hover()
    page.locator("#citation-popover .warned", has_text="Disputed by 1").wait_for()
    assert page.complaints == []


def test_the_own_differential_opens_the_answer(
    open_as: Callable[..., Page], clinician: User, cited: Consultation
) -> None:
    Consultation.objects.filter(pk=cited.pk).update(commit_first=True)
    page = open_as(clinician, f"/consultations/{cited.pk}/")
    assert "Popcorn calcification was seen" not in page.content()
    assert "Synthetic digest" not in page.content()
    page.keyboard.type("Carcinoid tumor")
    page.keyboard.press("Enter")
    page.locator(".diagnosis", has_text="Hamartoma").wait_for()
    assert "Carcinoid tumor" in page.inner_text("#own")
    page.locator("#own summary").click()
    page.locator("#after-1").fill("Hamartoma")
    page.locator("#own button").click()
    page.locator("#own", has_text="After reading it").wait_for()
    assert page.complaints == []


def test_a_drill_from_the_notice_to_the_disclosure(
    open_as: Callable[..., Page], clinician: User, educator: User
) -> None:
    run = drill_run(answered_consultation(educator), clinician)
    page = open_as(clinician, f"/drills/runs/{run.pk}/")
    page.locator(".cite").first.click()
    assert page.evaluate("document.activeElement.id") == "E1"
    page.locator("input[name=wrong]").first.check()
    page.locator("button", has_text="Hand it in").click()
    page.locator("#disclosed", has_text="Found").wait_for()
    assert page.complaints == []


def test_a_ticket_is_taken_and_closed(open_as: Callable[..., Page], educator: User) -> None:
    gap = Gap.objects.create(topic="carcinoid tumor", title="Carcinoid tumor")
    page = open_as(educator, "/feedback/gaps/")
    page.locator("button", has_text="Take it").click()
    page.locator(".badge", has_text="Taken by").wait_for()
    page.locator("input[name=reason]").fill("Two reviews added.")
    page.locator("button", has_text="Close").last.click()
    page.locator(".empty", has_text="No gaps").wait_for()
    gap.refresh_from_db()
    assert (gap.state, gap.reason) == ("closed", "Two reviews added.")
