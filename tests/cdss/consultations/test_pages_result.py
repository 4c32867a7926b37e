import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import DjangoAssertNumQueries

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.consultations.models import Consultation
from cdss.library.models import LibraryItem, Visibility
from tests.cdss.cast import library_case, library_document
from tests.cdss.consultations import page_rows as rows

FOR = ("Fat is virtually diagnostic.", "for", "supported")
AGAINST = ("It is central.", "against", "partly")
INVENTED = ("It was stable for ten years.", "for", "unsupported")


@pytest.fixture
def row(clinician: User) -> Consultation:
    return rows.consultation(clinician)


@pytest.fixture
def page(client: Client, clinician: User, row: Consultation):  # type: ignore[no-untyped-def]
    client.force_login(clinician)

    def read(query: str = "", path: str = "") -> str:
        response = client.get(f"/consultations/{row.pk}/{path}{query}")
        assert response.status_code == 200
        return response.content.decode()

    return read


def section(html: str, start: str, end: str) -> str:
    return html[html.index(start) : html.index(end, html.index(start))]


def test_a_citation_leads_to_the_marked_span(row, page) -> None:
    cited = rows.evidence(row)
    rows.diagnosis(rows.answer(row), "Hamartoma", [FOR], cites=cited)
    html = page()
    (span,) = re.findall(r'class="cite" href="#([^"]+)"', html)
    marked = re.search(rf'<mark id="{span}"[^>]*>([^<]+)</mark>', html)
    assert marked
    assert marked[1] == rows.QUOTE
    assert f'data-quote="{rows.QUOTE}"' in html


def test_the_source_opens_at_the_span_in_its_own_offsets(row, page) -> None:
    item = library_document(None)
    cited = rows.evidence(row, item=item, item_start=1000)
    rows.diagnosis(rows.answer(row), "Hamartoma", [FOR], cites=cited)
    start = 1000 + rows.TEXT.index(rows.QUOTE)
    assert f"/library/documents/{item.pk}/?start={start}&amp;end={start + len(rows.QUOTE)}" in page()


def test_states_have_a_word_and_an_icon(row, page) -> None:
    rows.diagnosis(rows.answer(row), "Hamartoma", [FOR, AGAINST], cites=rows.evidence(row))
    html = page()
    assert re.search(r'state-supported"><svg.*?#check"></use></svg>Supported', html)
    assert re.search(r'state-partly"><svg.*?#half"></use></svg>Partly supported', html)
    assert "says less" in rows.words(html)


def test_what_is_unsupported_is_folded_away_and_not_ranked(row, page) -> None:
    cited = rows.evidence(row)
    given = rows.answer(row)
    rows.diagnosis(given, "Metastasis", [INVENTED], score=9.0)
    rows.diagnosis(given, "Hamartoma", [FOR, INVENTED], cites=cited)
    html = page()
    ranked = section(html, '<ol class="diagnoses">', '</ol>\n<p class="legend')
    assert re.findall(r'class="rank"[^>]*>(\d)</span>\s*<h3>([^<]+)', ranked) == [("1", "Hamartoma")]
    assert "Not supported by the evidence found" in section(ranked, '<details class="lane">', "</details>")
    assert "Metastasis" in section(html[html.index('class="legend') :], '<details class="lane">', "</details>")
    assert "3 statements checked 1 supported 2 moved out" in rows.words(html)


def test_must_not_miss_comes_first_and_only_when_supported(row, page) -> None:
    given = rows.answer(row)
    rows.diagnosis(given, "Hamartoma", [FOR], cites=rows.evidence(row))
    rows.diagnosis(given, "Lung carcinoma", [AGAINST], must_not_miss=True)
    rows.diagnosis(given, "Aneurysm", [INVENTED], must_not_miss=True)
    html = page()
    group = section(html, '<div class="must-not-miss"', "</div>")
    assert "Lung carcinoma" in group
    assert "Aneurysm" not in group
    assert html.index("must-not-miss") < html.index('class="diagnoses"')


def test_a_score_is_called_similarity_and_never_probability(row, page) -> None:
    given = rows.answer(row)
    rows.diagnosis(given, "Hamartoma", [FOR], cites=rows.evidence(row), score=4.0)
    rows.diagnosis(given, "Carcinoid", [AGAINST], score=1.6)
    text = rows.words(page())
    assert "Similarity 5 of 5, not a probability." in text
    assert "Similarity 2 of 5, not a probability." in text
    assert re.findall(r"(?<!not )a probability", text) == []
    assert not re.search(r"\d ?%", text)


def test_a_calibrated_likelihood_replaces_the_bar(row, page) -> None:
    given = rows.answer(row)
    rows.diagnosis(given, "Hamartoma", [FOR], cites=rows.evidence(row), likelihood="most likely")
    text = rows.words(page())
    assert "most likely" in text
    assert "of 5" not in text


def test_either_writer_can_be_read(row, page) -> None:
    cited = rows.evidence(row)
    rows.diagnosis(rows.answer(row), "Hamartoma of the composer", [FOR], cites=cited)
    rows.diagnosis(rows.answer(row, "openai:gpt"), "Hamartoma of the model", [FOR], cites=cited)
    assert "Hamartoma of the model" in page()
    assert "Hamartoma of the composer" in page("?writer=composer")
    assert "Hamartoma of the model" in page("?writer=openai:gpt")


def test_a_model_that_still_writes_does_not_replace_the_composer(row, page) -> None:
    cited = rows.evidence(row)
    rows.diagnosis(rows.answer(row), "Hamartoma of the composer", [FOR], cites=cited)
    rows.diagnosis(rows.answer(row, "openai:gpt", state="writing"), "Half a word", [FOR], cites=cited)
    html = page()
    assert "Hamartoma of the composer" in html
    assert "Half a word" not in html
    assert "The language model is writing" in html
    assert "Half a word" in page("?writer=openai:gpt")


def test_an_edited_and_a_deleted_source_are_said_and_the_text_stays(row, page) -> None:
    kept, edited, deleted = library_document(None), library_document(None), library_document(None)
    for number, item in enumerate((kept, edited, deleted), start=1):
        rows.evidence(row, number, item=item)
    LibraryItem.objects.filter(pk=edited.pk).update(content_hash="1" * 64)
    deleted.delete()
    cards = page().split('<article class="evidence"')[1:]
    assert ["has changed since" in card for card in cards] == [False, True, False]
    assert ["no longer in the library" in card for card in cards] == [False, False, True]
    assert all("Popcorn calcification suggests" in card for card in cards)


def test_a_source_one_may_not_open_is_not_linked(row, page, educator: User) -> None:
    hidden = library_case(educator, Visibility.PRIVATE)
    rows.evidence(row, item=hidden)
    html = page()
    assert f"/library/cases/{hidden.pk}/" not in html
    assert "/library/images/" not in html
    assert "no longer in the library" not in html


def test_only_web_addresses_are_followed(row, page) -> None:
    rows.evidence(row, 1, details={"url": "javascript:alert(1)"})
    rows.evidence(row, 2, details={"url": "https://example.org/paper"})
    html = page()
    assert "javascript:" not in html
    assert 'href="https://example.org/paper" rel="noopener' in html


def test_markup_in_a_case_and_in_evidence_is_text(row, page) -> None:
    payload = '<script>alert(1)</script> "quoted" ' + rows.QUOTE
    row.findings = payload
    row.save()
    cited = rows.evidence(row, text=payload, title=payload, details={"status": payload})
    rows.diagnosis(rows.answer(row), payload[:100], [(payload, "for", "supported")], cites=cited)
    for html in (page(), page(path="print/")):
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)" in html


def test_similar_cases_can_be_compared(row, page) -> None:
    case = library_case(None)
    image = case.images.get()
    rows.evidence(row, item=case, scores={"dense": 0.5, "image": 0.91}, details={"diagnosis": "Hamartoma"})
    html = page()
    assert html.count('data-compare="E1"') == 2
    assert f'data-src="/library/images/{image.pk}/"' in html
    assert "similarity 0.50 text · 0.91 image" in html


def test_the_report_numbers_its_references_and_says_how_it_was_made(row, page) -> None:
    row.index_version = "index-7"
    row.save()
    rows.evidence(row, 1)
    cited = rows.evidence(row, 2, details={"reference": "Siegelman SS. Radiology 1986;160:313.", "status": "retracted"})
    given = rows.answer(row, prompt_sha256="ab" * 32)
    rows.diagnosis(given, "Hamartoma", [FOR, INVENTED], cites=cited)
    html = page(path="print/")
    text = rows.words(html)
    assert re.findall(r'<li id="reference-(\d+)" value="(\d+)">', html) == [("2", "2")]
    for expected in ("Siegelman SS. Radiology 1986", "retracted", rows.QUOTE, "index-7", "ab" * 32, "Signature"):
        assert expected in text
    assert "Not a medical device" in text
    assert INVENTED[0] not in text


def test_reading_and_printing_are_audited(row, page, clinician: User) -> None:
    page()
    page(path="print/")
    said = Event.objects.filter(object_id=str(row.pk)).values_list("action", "actor")
    assert list(said) == [("consultation.viewed", "clinician"), ("consultation.printed", "clinician")]


def test_an_auditor_reads_but_does_not_act(client: Client, auditor: User, row: Consultation) -> None:
    rows.diagnosis(rows.answer(row), "Hamartoma", [FOR], cites=rows.evidence(row))
    client.force_login(auditor)
    html = client.get(f"/consultations/{row.pk}/").content.decode()
    assert "Hamartoma" in html
    assert "/again/" not in html
    assert "asked by clinician" in rows.words(html)


@pytest.mark.parametrize("path", ["", "print/"])
def test_the_number_of_queries_does_not_grow(
    client: Client, clinician: User, django_assert_num_queries: DjangoAssertNumQueries, path: str
) -> None:
    client.force_login(clinician)
    small, large = rows.whole(clinician, size=1), rows.whole(clinician, size=6)
    client.get(f"/consultations/{small.pk}/{path}")
    with CaptureQueriesContext(connection) as few:
        client.get(f"/consultations/{small.pk}/{path}")
    assert len(few) <= MOST_QUERIES
    with django_assert_num_queries(len(few)):
        client.get(f"/consultations/{large.pk}/{path}")


# Session and user, the consultation with seven prefetches, sources, what may be seen of them, images, feedback, one
# audit event, locked modes and quarantine.
MOST_QUERIES = 24


def test_no_place_above_a_diagnosis_is_folded_away(row, page) -> None:
    given, about = rows.answer(row), ("It is benign.", "about", "supported")
    cited = rows.evidence(row)
    for name, statement in (("Carcinoid", about), ("Hamartoma", FOR), ("Metastasis", about)):
        rows.diagnosis(given, name, [statement], cites=cited)
    html = page()
    open_list = section(html, '<ol class="diagnoses">', "</ol>\n<p class")
    assert [name for name in ("Carcinoid", "Hamartoma", "Metastasis") if f"<h3>{name}</h3>" in open_list] == [
        "Carcinoid",
        "Hamartoma",
    ]
    assert open_list.count("none of its findings was met") == 1
    assert "<h3>Metastasis</h3>" in section(html, "Also close to this case", "</details>")


def test_the_reader_is_told_among_how_many_diagnoses_the_likelihoods_are(row, page) -> None:
    cited = rows.evidence(row)
    rows.diagnosis(rows.answer(row), "Hamartoma", [FOR], cites=cited)
    assert "this library tells of" not in page()
    Consultation.objects.filter(pk=row.pk).update(breadth=45)
    assert "among the 45 diagnoses this library tells of" in page()
