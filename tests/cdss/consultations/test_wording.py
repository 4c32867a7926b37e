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
