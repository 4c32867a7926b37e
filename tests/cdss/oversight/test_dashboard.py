"""The auditors' dashboards on simulated use, with a gap that was planted and without."""

from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.audit.verify import verify
from cdss.consultations.models import Consultation, Diagnosis, Statement
from cdss.feedback.models import Feedback
from cdss.feedback.services import feedback_give
from cdss.oversight.presenters import Dashboard
from cdss.oversight.simulation import PlantedGap, SimulationError, use_simulate
from tests.cdss.cast import answered_consultation, parts

ENOUGH = 2000


@pytest.fixture
def desk(client: Client, auditor: User) -> Client:
    client.force_login(auditor)
    return client


def board_of(client: Client, **wanted: str) -> Dashboard:
    return client.get("/oversight/", wanted).context["board"]


def lines(found: Dashboard) -> dict[str, tuple[int, int]]:
    return {line.name: (line.share.count, line.share.n) for line in found.headline}


@pytest.mark.parametrize(
    ("planted", "group"),
    [
        ("sex=female:0.2", "female"),
        pytest.param("site=South:0.25", "South", marks=pytest.mark.faults),
        pytest.param("modality=MR:0.25", "MR", marks=pytest.mark.faults),
    ],
)
def test_a_planted_gap_is_flagged(desk: Client, planted: str, group: str) -> None:
    call_command("simulate_use", "--consultations", str(ENOUGH), "--gap", planted)
    answer = desk.get("/oversight/")
    board, page = answer.context["board"], answer.content.decode()
    dimension = planted.partition("=")[0]
    assert (board.total, board.simulated) == (ENOUGH, ENOUGH)
    assert board.flagged
    assert {gap.dimension for gap in board.flagged} == {dimension}
    assert {gap.low for gap in board.flagged} == {group}
    first = board.flagged[0]
    assert first.measure.key in ("first", "accepted")
    assert first.size == pytest.approx(float(planted.rpartition(":")[2]), abs=0.09)
    assert "between groups beyond chance" in page
    assert "No gap between groups" not in page
    [marked] = [line for table in board.subgroups for line in table.lines if line.flagged]
    assert marked.name == group
    assert "Synthetic." in page


@pytest.mark.parametrize("seed", [7, *(pytest.param(seed, marks=pytest.mark.faults) for seed in range(1, 6))])
def test_without_a_planted_gap_none_is_flagged(desk: Client, seed: int) -> None:
    call_command("simulate_use", "--consultations", str(ENOUGH), "--seed", str(seed))
    board = board_of(desk)
    assert board.gaps
    assert not board.flagged
    assert "No gap between groups beyond chance" in desk.get("/oversight/").content.decode()
    assert not any(cell and cell.flagged for table in board.drift for _, _, cells in table.rows for _, cell in cells)
    assert board.calibration_error < 0.08
    assert board.reliability is not None


def test_what_is_counted(desk: Client, clinician: User, make_user: Callable[..., User]) -> None:
    clinician.location = "Ward 3"
    clinician.save()
    first, second, third = (answered_consultation(clinician) for _ in range(3))
    Consultation.objects.filter(pk=first.pk).update(age="58 y", sex="F")
    Diagnosis.objects.update(probability=0.7)
    diagnosis, statement, evidence = parts(first)
    give = {"by": clinician, "consultation": first}
    # Only the last word of a rater counts.
    feedback_give(**give, diagnosis=diagnosis, verdict="wrong", reason="ranked-wrongly")
    feedback_give(**give, diagnosis=diagnosis, verdict="agree")
    feedback_give(**give, statement=statement, verdict="disagree", reason="wrong-detail")
    feedback_give(**give, evidence=evidence, verdict="relevant")
    feedback_give(**give, verdict="final", final_diagnosis="Hamartoma", confirmed_by="histology")
    feedback_give(by=clinician, consultation=second, verdict="final", final_diagnosis="Pneumothorax")
    Statement.objects.filter(diagnosis__answer__consultation=third).update(support="unsupported")
    answered_consultation(clinician)
    Consultation.objects.filter(pk=third.pk + 1).update(status="abstained")
    board = board_of(desk)
    assert lines(board) == {
        "Answered": (3, 4),
        "Abstained": (1, 4),
        "First diagnosis right": (1, 2),
        "Right diagnosis in the first 5": (1, 2),
        "Nothing overridden": (0, 1),
        "Statements not supported": (1, 4),
    }
    assert {line.name: (line.share.count, line.share.n) for line in board.agreement} == {
        "Diagnoses agreed with": (1, 1),
        "Statements agreed with": (0, 1),
        "Citations agreed with": (0, 0),
        "Whole answers agreed with": (0, 0),
        "Evidence found relevant": (1, 1),
    }
    assert board.overrides == [("Wrong side, number or negation", 1, {"disagree": 1})]
    assert board.calibrated_on == 1
    groups = {table.title: {line.name: line.share.n for line in table.lines} for table in board.subgroups}
    assert groups["By age"] == {"40–59": 1, "not stated": 1}
    assert groups["By sex"] == {"female": 1, "not stated": 1}
    assert groups["By site"] == {"Ward 3": 2}
    assert groups["By modality"] == {"no image": 2}
    assert not board.simulated
    assert Event.objects.last().action == "oversight.viewed"


def test_filters_narrow_it(desk: Client) -> None:
    use_simulate(consultations=60)
    assert board_of(desk, site="North").total + board_of(desk, site="South").total < 60
    assert board_of(desk, role="educator").total == board_of(desk, site="East").total
    assert board_of(desk, user="simulated-north").total == board_of(desk, site="North").total
    assert board_of(desk, until="2020-01-01").total == 0
    assert board_of(desk, model="ollama:none").total == 0
    assert 0 < board_of(desk, model="composer").total < 60
    assert desk.get("/oversight/", {"measure": "nonsense", "since": "yesterday"}).status_code == 200


def test_as_many_queries_for_many_as_for_few(desk: Client) -> None:
    counts = []
    for _ in range(2):
        use_simulate(consultations=30)
        with CaptureQueriesContext(connection) as queries:
            desk.get("/oversight/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_an_empty_site_says_so(desk: Client) -> None:
    assert "No consultation" in desk.get("/oversight/").content.decode()


def test_nothing_is_simulated_beside_real_consultations(clinician: User) -> None:
    answered_consultation(clinician)
    with pytest.raises(CommandError, match="of its own"):
        call_command("simulate_use", "--consultations", "5")
    assert Consultation.objects.count() == 1


def test_what_was_simulated_can_be_removed_and_both_are_in_the_trail(desk: Client) -> None:
    call_command("simulate_use", "--consultations", "40")
    assert desk.get(f"/consultations/{Consultation.objects.filter(status='done').first().pk}/").status_code == 200
    assert not User.objects.filter(username__startswith="simulated-", is_active=True).exists()
    assert set(Consultation.objects.values_list("findings", flat=True)) == {
        "Simulated consultation, made by a program. It is no case and nobody asked it."
    }
    call_command("simulate_use", "--remove")
    assert not Consultation.objects.exists()
    assert not Feedback.objects.exists()
    assert [event.action for event in Event.objects.all()] == [
        "oversight.simulated",
        "consultation.viewed",
        "oversight.simulation_removed",
    ]
    assert verify().holds


@pytest.mark.parametrize("text", ["", "sex", "sex=female", "sex=female:x", "sex=female:2", "hair=red:0.1", "=:0.1"])
def test_a_gap_that_is_none_is_wrong_use(db: None, text: str) -> None:
    with pytest.raises(SimulationError):
        PlantedGap.of(text)
    with pytest.raises(CommandError):
        call_command("simulate_use", "--consultations", "0")
