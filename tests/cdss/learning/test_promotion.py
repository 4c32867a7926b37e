"""A person promotes what was shown, one of two at once wins, and one command takes it back."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.learning.models import ShadowRun
from cdss.learning.services import MAX_REASON, PromotionError, weights_promote, weights_rollback
from cdss.ranking.models import RankingWeights, State
from cdss.ranking.serving import active_weights
from tests.cdss.cast import ranking_weights

Shadowed = Callable[..., ShadowRun]


def states() -> dict[int, str]:
    return dict(RankingWeights.objects.order_by("version").values_list("version", "state"))


def test_what_was_promoted_answers_and_what_was_before_is_kept(administrator: User, shadowed: Shadowed) -> None:
    row = ranking_weights(listed=2.5)
    shadowed(row)
    weights_promote(version=1, by=administrator, reason="Better on 42 cases.")
    assert active_weights().diagnoses.ranker.weights["listed"] == 2.5
    row.refresh_from_db()
    assert (row.promoted_by, row.reason, row.replaced) == (administrator, "Better on 42 cases.", 0)
    event = Event.objects.get(action="ranking.promoted")
    assert (event.actor, event.details["sha256"]) == ("administrator", row.sha256)
    assert "Better" not in str(event.details)


def test_two_promotions_are_rolled_back_one_after_the_other(administrator: User, shadowed: Shadowed) -> None:
    shadowed(ranking_weights(1))
    weights_promote(version=1, by=administrator)
    shadowed(ranking_weights(2), against=1)
    weights_promote(version=2, by=administrator)
    assert states() == {1: "retired", 2: "active"}
    assert weights_rollback(by=administrator) == (2, 1)
    assert states() == {1: "active", 2: "retired"}
    assert weights_rollback(by=administrator) == (1, 0)
    assert active_weights().version == 0
    with pytest.raises(PromotionError, match="nothing to roll back"):
        weights_rollback(by=administrator)


@pytest.mark.parametrize(
    "run", [{}, {"index": "index-0"}, {"against": 7}], ids=["none", "another index", "against others"]
)
def test_without_a_shadow_run_of_the_present_nothing_is_promoted(
    administrator: User, shadowed: Shadowed, run: dict[str, object]
) -> None:
    row = ranking_weights()
    if run:
        shadowed(row, **run)
        # Newer than the one of the run.
        shadowed(ranking_weights(2, state=State.RETIRED))
    with pytest.raises(PromotionError, match="shadow_ranking 1"):
        weights_promote(version=1, by=administrator)
    assert states()[1] == "proposed"
    assert not Event.objects.filter(action="ranking.promoted").exists()


def test_what_is_no_proposal_is_refused_by_what_it_is(administrator: User, shadowed: Shadowed) -> None:
    shadowed(ranking_weights(1))
    weights_promote(version=1, by=administrator)
    ranking_weights(2, state=State.RETIRED)
    for version, said in ((1, "answers already"), (2, "was retired"), (9, "no ranking weights of version 9")):
        with pytest.raises(PromotionError, match=said):
            weights_promote(version=version, by=administrator)


def test_weights_that_cannot_be_used_are_not_promoted(administrator: User, shadowed: Shadowed) -> None:
    row = ranking_weights()
    shadowed(row)
    row.weights["search"]["weights"]["phase_of_the_moon"] = 1.0
    row.save()
    with pytest.raises(PromotionError, match="phase_of_the_moon"):
        weights_promote(version=1, by=administrator)


def test_a_reason_is_kept_without_identifiers_and_has_an_end(administrator: User, shadowed: Shadowed) -> None:
    row = ranking_weights()
    shadowed(row)
    with pytest.raises(PromotionError, match="1001 characters"):
        weights_promote(version=1, by=administrator, reason="x" * (MAX_REASON + 1))
    weights_promote(version=1, by=administrator, reason="Asked by MRN: 12345678, phone 555-123-4567.")
    row.refresh_from_db()
    assert "12345678" not in row.reason


@pytest.mark.parametrize("role", ["clinician", "educator", "auditor"])
def test_others_than_administrators_promote_and_roll_back_nothing(
    role: str, request: pytest.FixtureRequest, shadowed: Shadowed
) -> None:
    shadowed(ranking_weights())
    user: User = request.getfixturevalue(role)
    with pytest.raises(PromotionError, match="Your role"):
        weights_promote(version=1, by=user)
    with pytest.raises(PromotionError, match="Your role"):
        weights_rollback(by=user)
    with pytest.raises(CommandError, match="Your role") as refused:
        call_command("promote_ranking", "1", by=role)
    assert refused.value.returncode == 2


def test_a_rollback_of_what_answers_no_more_is_told(administrator: User, shadowed: Shadowed) -> None:
    shadowed(ranking_weights(1))
    weights_promote(version=1, by=administrator)
    shadowed(ranking_weights(2), against=1)
    weights_promote(version=2, by=administrator)
    with pytest.raises(PromotionError, match="Other weights answer"):
        weights_rollback(by=administrator, expected=1)
    assert weights_rollback(by=administrator, expected=2) == (2, 1)


def test_the_commands_say_what_they_did(administrator: User, shadowed: Shadowed) -> None:
    shadowed(ranking_weights())
    out = StringIO()
    call_command("promote_ranking", "1", by="administrator", stdout=out)
    call_command("rollback_ranking", by="ADMINISTRATOR", stdout=out)
    assert out.getvalue().splitlines() == [
        "Version 1 answers; before it, the packaged weights.",
        "Version 1 is retired; the packaged weights answer.",
    ]


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("promote_ranking", ["1", "--by", "nobody"], "no such account"),
        ("promote_ranking", ["1", "--by", ""], "no such account"),
        ("promote_ranking", ["7", "--by", "administrator"], "no ranking weights of version 7"),
        ("promote_ranking", [str(10**30), "--by", "administrator"], "no ranking weights"),
        ("rollback_ranking", ["--by", "administrator"], "nothing to roll back"),
        ("shadow_ranking", ["7"], "no ranking weights of version 7"),
        ("shadow_ranking", [str(10**30)], "no ranking weights"),
        ("shadow_ranking", ["1", "--limit", "0"], "--limit 0"),
    ],
)
def test_wrong_use_is_told(administrator: User, command: str, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said) as refused:
        call_command(command, *arguments)
    assert refused.value.returncode == 2


def test_an_account_that_is_closed_promotes_nothing(administrator: User, shadowed: Shadowed) -> None:
    shadowed(ranking_weights())
    User.objects.filter(pk=administrator.pk).update(is_active=False)
    with pytest.raises(CommandError, match="closed"):
        call_command("promote_ranking", "1", by="administrator")


COMPETE = """
import threading
from django.db import connection
from cdss.accounts.models import User
from cdss.learning.services import PromotionError, weights_promote

def compete():
    people, told = list(User.objects.filter(role="administrator")), []
    start = threading.Barrier(len(people))

    def promote(person):
        start.wait()
        try:
            weights_promote(version=1, by=person)
            told.append("promoted")
        except PromotionError as error:
            told.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=promote, args=(person,)) for person in people]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return sorted(told)
"""
TOLD = ["Version 1 answers already."] * 3 + ["promoted"]
ON_A_FILE = f"""
import json, django
django.setup()
from django.core.management import call_command
from django.utils import timezone
call_command("migrate", verbosity=0)
{COMPETE}
from cdss.audit.models import Event
from cdss.indexing.models import IndexVersion
from cdss.learning.models import ShadowRun
from tests.cdss.cast import ranking_weights
for number in range(4):
    User.objects.create(username=f"admin-{{number}}", role="administrator")
now = timezone.now()
IndexVersion.objects.create(name="i", text_encoder="t", image_encoder="i", passages=1, images=0, manifest_sha256="0")
ShadowRun.objects.create(weights=ranking_weights(), against=0, index_version="i", started=now, finished=now, replayed=1)
print(json.dumps([compete(), Event.objects.filter(action="ranking.promoted").count()]))
"""


@pytest.mark.skipif(connection.vendor != "postgresql", reason="threads share no SQLite database in memory")
@pytest.mark.django_db(transaction=True)
def test_of_those_who_promote_at_once_one_wins_on_postgresql(
    make_user: Callable[..., User], shadowed: Shadowed
) -> None:
    shadowed(ranking_weights())
    for number in range(4):
        make_user(f"admin-{number}", "administrator")
    found: dict[str, Any] = {}
    exec(COMPETE, found)  # noqa: S102
    assert found["compete"]() == TOLD
    assert Event.objects.filter(action="ranking.promoted").count() == 1
    assert states() == {1: "active"}


def test_of_those_who_promote_at_once_one_wins_on_a_sqlite_file(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"DJANGO_SETTINGS_MODULE": "cdss.settings", "CDSS_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", ON_A_FILE], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    assert json.loads(done.stdout) == [TOLD, 1]
