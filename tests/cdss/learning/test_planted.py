"""Clinicians confirm, again and again, what the packaged weights rank second: the whole way from there and back."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.audit.verify import verify
from cdss.consultations.export import exported
from cdss.consultations.models import Consultation
from cdss.consultations.reads import whole_consultation_for
from cdss.ranking.models import RankingWeights
from tests.cdss.learning.conftest import PAIRS, findings_of, names_of


def run(command: str, *arguments: str) -> Any:
    out = StringIO()
    call_command(command, *arguments, "--json", stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def answered(row: Consultation) -> bytes:
    """What stands on the page of a consultation, without its number, its times and the weights' version."""
    from django.test import RequestFactory

    request = RequestFactory().get("/")
    request.user = row.user
    whole = exported(whole_consultation_for(request, row.pk))
    return json.dumps({name: whole[name] for name in ("diagnoses", "evidence", "abstained")}).encode()


def differs(one: Consultation, other: Consultation) -> bool:
    """As a shadow run tells it: who is first, who is among the first five, the words of likelihood, far moves."""
    before, after = (list(row.answers.get().diagnoses.values("concept", "likelihood")) for row in (one, other))
    places = [{each["concept"]: n for n, each in enumerate(rows)} for rows in (before, after)]
    words = [{each["concept"]: each["likelihood"] for each in rows} for rows in (before, after)]
    return (
        before[0]["concept"] != after[0]["concept"]
        or {each["concept"] for each in before[:5]} != {each["concept"] for each in after[:5]}
        or any(words[0].get(concept, word) != word for concept, word in words[1].items())
        or any(abs(places[0][name] - place) >= 3 for name, place in places[1].items() if name in places[0])
    )


@pytest.mark.usefixtures("planted")
def test_a_correction_changes_the_next_answer_once_it_was_shown_and_promoted_and_not_for_ever(
    ask: Callable[..., Consultation], confirm: Callable[[Consultation, str], None], administrator: User
) -> None:
    past = [ask(findings_of(n, 1)) for n in range(len(PAIRS))]
    unanswered = ask("Nothing that the library holds a word of.")
    seconds = [n for n, row in enumerate(past) if names_of(row)[:2] == list(PAIRS[n])]
    assert len(seconds) > 0.9 * len(PAIRS)
    for n, row in enumerate(past):
        confirm(row, PAIRS[n][1])

    learned = run("learn_ranking")
    figures = {row["measure"]: row for row in learned["figures"]}
    first = figures["diagnosis: among the first 1"]
    # The cases of the library have no other of their disease, and are found by neither.
    assert first["serving"] == pytest.approx(0.0, abs=0.05)
    assert first["learned"] > 0.45
    assert learned["outcome"] == "better"
    assert learned["learned_on"]["consultations"] == len(PAIRS)

    shadow = run("shadow_ranking", "1")
    version = RankingWeights.objects.get(version=1)
    assert names_of(ask(findings_of(0, 2)))[0] == PAIRS[0][0], "a proposal answers nothing"

    call_command("promote_ranking", "1", "--by", "administrator", "--reason", "As shown.", stdout=StringIO())
    held_out = ask(findings_of(0, 2))
    assert names_of(held_out)[0] == PAIRS[0][1]
    assert (held_out.weights_version, held_out.weights_sha256) == (1, version.sha256)

    again = [ask(row.findings) for row in past]
    truly = {row.pk for row, now in zip(past, again, strict=True) if differs(row, now)}
    assert {change["consultation"] for change in shadow["changes"]} == truly
    assert shadow["replayed"] == len(past) + 1
    assert unanswered.abstention
    risen = {change["consultation"] for change in shadow["changes"] if "confirmed_up" in change["kinds"]}
    assert risen >= {past[n].pk for n in seconds}
    assert not [change for change in shadow["changes"] if "confirmed_down" in change["kinds"]]

    call_command("rollback_ranking", "--by", "administrator", stdout=StringIO())
    after = [ask(row.findings) for row in past[:5]]
    assert [answered(row) for row in after] == [answered(row) for row in past[:5]]
    assert after[0].weights_version == 0

    done = list(Event.objects.filter(action__startswith="ranking.").values_list("action", "actor"))
    assert done == [
        ("ranking.proposed", ""),
        ("ranking.shadow_run", ""),
        ("ranking.promoted", "administrator"),
        ("ranking.rolled_back", "administrator"),
    ]
    assert verify().holds


@pytest.mark.usefixtures("planted")
def test_what_was_learned_does_not_depend_on_when_it_is_learned(
    ask: Callable[..., Consultation], confirm: Callable[[Consultation, str], None]
) -> None:
    for n in range(len(PAIRS)):
        confirm(ask(findings_of(n, 1)), PAIRS[n][1])
    first, second = (run("learn_ranking", "--dry-run") for _ in range(2))
    assert first == second
    assert not RankingWeights.objects.exists()
