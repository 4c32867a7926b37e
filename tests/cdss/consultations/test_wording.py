import pytest
from django.test import Client

from cdss.accounts.models import User
from cdss.consultations.wording import Said, said_in
from tests.cdss.consultations import page_rows as rows

MATCHED = "This case denies “cough”; the source states “Cough is typical.”."
ALONE = "The source states “A hamartoma is a benign tumour.”."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MATCHED, Said("denies", "cough", "Cough is typical.")),
        (ALONE, Said("states", "", "A hamartoma is a benign tumour.")),
        ("The source lists “Hamartoma”.", Said("lists", "", "Hamartoma")),
        ("This case reports “a “quoted” word”; the source states “b”.", Said("reports", "a “quoted” word", "b")),
        ("Fat is virtually diagnostic.", None),
        ("This case reports “fat”.", None),
    ],
)
def test_a_sentence_is_taken_apart_or_left_alone(text: str, expected: Said | None) -> None:
    assert said_in(text) == expected


def test_both_quotes_are_told_apart_and_no_word_is_lost(client: Client, clinician: User) -> None:
    row = rows.consultation(clinician)
    rows.diagnosis(rows.answer(row), "Hamartoma", [(MATCHED, "for", "supported")], cites=rows.evidence(row))
    client.force_login(clinician)
    html = client.get(f"/consultations/{row.pk}/").content.decode()
    assert "<strong>“cough”</strong>" in html
    assert "This case denies “cough” ; the source states “Cough is typical.”" in rows.words(html)


def test_markup_in_either_quote_is_text(client: Client, clinician: User) -> None:
    row = rows.consultation(clinician)
    payload = "This case reports “<b>fat</b>”; the source states “<img src=x>”."
    rows.diagnosis(rows.answer(row), "Hamartoma", [(payload, "for", "supported")], cites=rows.evidence(row))
    client.force_login(clinician)
    html = client.get(f"/consultations/{row.pk}/").content.decode()
    assert "<b>fat" not in html
    assert "<img src=x>" not in html
    assert "&lt;b&gt;fat&lt;/b&gt;" in html


def test_what_says_nothing_of_the_case_is_neither_for_nor_against_and_folded_away(
    client: Client, clinician: User
) -> None:
    row = rows.consultation(clinician)
    given = rows.answer(row)
    cited = rows.evidence(row)
    rows.diagnosis(given, "Hamartoma", [(MATCHED, "for", "supported")], cites=cited)
    rows.diagnosis(given, "Carcinoid", [(ALONE, "for", "supported")], cites=cited)
    client.force_login(clinician)
    html = client.get(f"/consultations/{row.pk}/").content.decode()
    shown, folded = html[: html.index('class="legend')], html[html.index('class="legend') :]
    assert "Carcinoid" not in shown[shown.index('<ol class="diagnoses">') :]
    assert '<span class="rank" aria-hidden="true">2</span>' in folded
    assert 'class="stance stance-about"' in folded
    assert 'class="stance stance-for"' not in folded


def test_what_tells_the_first_apart_is_told_with_what_each_source_states(client: Client, clinician: User) -> None:
    text = (
        "Whether there is “fat”. The source states “Fat is typical.”. Another source states “No “true” fat is seen.”."
    )
    said = said_in(text)
    assert said
    assert (said.apart, said.stated) == ("fat", ("Fat is typical.", "No “true” fat is seen."))
    row = rows.consultation(clinician)
    rows.diagnosis(rows.answer(row), "Hamartoma", [(text, "next", "supported")], cites=rows.evidence(row))
    client.force_login(clinician)
    shown = rows.words(client.get(f"/consultations/{row.pk}/").content.decode())
    assert "Tells the first diagnoses apart best: “fat”" in shown
    assert "“No “true” fat is seen.”" in shown


def test_what_the_sources_leave_unexplained_is_told_quietly(client: Client, clinician: User) -> None:
    row = rows.consultation(clinician)
    diagnosis = rows.diagnosis(rows.answer(row), "Hamartoma", [(MATCHED, "for", "supported")], cites=rows.evidence(row))
    client.force_login(clinician)
    address = f"/consultations/{row.pk}/"
    assert "Not explained by the sources shown" not in rows.words(client.get(address).content.decode())
    diagnosis.unexplained = ["ascites", "<b>rash</b>"]
    diagnosis.save()
    html = client.get(address).content.decode()
    assert "Not explained by the sources shown: “ascites”, “&lt;b&gt;rash&lt;/b&gt;”." in html
