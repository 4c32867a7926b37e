"""What a model, a document or a user writes as HTML, links or images, in a real browser under the site's policy."""

from typing import Any

import pytest

from cdss.accounts.models import User
from cdss.consultations.models import Answer, Citation, Consultation, Diagnosis, Statement
from tests.cdss.consultations import page_rows as rows
from tests.cdss.consultations.test_pages_e2e import CHROMIUM, browser, open_page
from tests.cdss.security.payloads import CALL, markup

__all__ = ["browser", "open_page"]
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
AT_ONCE = 60
BAD_ATTRIBUTES = """[...document.querySelectorAll("*")].flatMap(e => [...e.attributes]).filter(
  a => a.name.startsWith("on")
  || (["href", "src", "action"].includes(a.name) && /^\\s*(javascript|data|vbscript):/i.test(a.value))).length"""
LOADED = """performance.getEntriesByType("resource").filter(
  e => e.name.includes("evil.example.org") && e.responseStatus).length"""


def hostile(user: User, payloads: list[str]) -> Consultation:
    """Each payload as a statement, a quote, evidence, a title, a finding and a diagnosis."""
    row = rows.consultation(user, history=payloads[0], findings="\n".join(payloads))
    row.understood = [{"part": "findings", "text": text, "assertion": "present"} for text in payloads[:5]]
    row.gamuts = [{"finding": payloads[1], "region": payloads[2], "modality": "CT", "diagnoses": payloads[3:6]}]
    row.save()
    given = Answer.objects.create(consultation=row, writer="composer", note=payloads[0])
    for number, text in enumerate(payloads, 1):
        cited = rows.evidence(row, number, title=text[:480], text=f"{text} {rows.TEXT}",
                              details={"diagnosis": text, "url": text, "reference": text, "status": text})  # fmt: skip
        if number % 6 == 1:
            diagnosis = Diagnosis.objects.create(
                answer=given, rank=number, name=text[:290], concept=text[:290], score=1.0, codes={"icd10cm": text[:20]}
            )
        said = Statement.objects.create(
            diagnosis=diagnosis, position=number, text=text, stance=("for", "against", "next")[number % 3],
            support=("supported", "partly", "unsupported")[number % 3], reasons=[text[:100]],
        )  # fmt: skip
        Citation.objects.create(statement=said, evidence=cited, quote=text, start=0, end=len(text))
    return row


def asked(url: str, site: str, elsewhere: list[str]) -> None:
    if not url.startswith((site, "blob:", "data:")):
        elsewhere.append(url)


def test_there_are_enough() -> None:
    assert len(markup()) >= 500


def test_nothing_runs_and_nothing_is_asked_elsewhere(open_page: Any, clinician: User, live_server: Any) -> None:
    payloads = [text.replace("\x0b", " ") for text in markup()]
    groups = [payloads[start : start + AT_ONCE] for start in range(0, len(payloads), AT_ONCE)]
    shown = 0
    for group in groups:
        row = hostile(clinician, group if len(group) > 6 else payloads[:6] + group)
        for path in (f"/consultations/{row.pk}/", f"/consultations/{row.pk}/print/"):
            page = open_page("/accounts/me/")
            elsewhere: list[str] = []
            said: list[str] = []
            page.on("request", lambda request, to=elsewhere: asked(request.url, live_server.url, to))
            page.on("dialog", lambda dialog, to=said: (to.append(dialog.message), dialog.dismiss()))
            page.context.on("page", lambda other, to=said: to.append(other.url))
            page.goto(live_server.url + path)
            for chip in page.locator(".cite:visible").all()[:5]:
                chip.hover()
                chip.click()
            page.wait_for_timeout(50)
            assert page.evaluate("window.pwned") is None
            assert elsewhere == []
            assert said == []
            assert page.url.partition("#")[0] == live_server.url + path
            text = page.inner_text("body")
            shown += sum(each.strip()[:20] in text for each in group)
            assert page.evaluate(BAD_ATTRIBUTES) == 0
            page.context.close()
    # They are there as words, so that the test means something.
    assert shown > len(payloads)


def test_even_where_markup_got_onto_a_page_the_policy_stops_it(open_page: Any, live_server: Any) -> None:
    """The second line: what escaping would have let through."""
    page = open_page("/accounts/me/")
    elsewhere: list[str] = []
    page.on("request", lambda request: request.url.startswith(live_server.url) or elsewhere.append(request.url))
    page.evaluate(
        "payloads => { for (const html of payloads) { const d = document.createElement('div'); d.innerHTML = html; "
        "document.body.append(d); } const s = document.createElement('script'); s.textContent = '" + CALL + "'; "
        "document.body.append(s); }",
        [text for text in markup() if "http-equiv" not in text and "<base" not in text],
    )
    page.wait_for_timeout(1500)
    assert page.evaluate("window.pwned") is None
    assert page.evaluate(LOADED) == 0
