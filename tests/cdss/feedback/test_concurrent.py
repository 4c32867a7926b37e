"""Twenty people speak of one consultation at once: every word is kept, with its event, its notices and one ticket."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connection

from cdss.reasoning import concepts

RATERS = 20

SETTING = """
import threading
from django.db import connection
from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.audit.verify import verify
from cdss.consultations.models import Citation, Consultation, Evidence, RaterInvitation
from cdss.feedback.models import Feedback, Gap, GapReport
from cdss.feedback.services import feedback_give
from cdss.library.standing import Dispute, DisputeVote
from cdss.notices.models import Notice
from tests.cdss.cast import answered_consultation, library_document, parts

def everyone_speaks(raters):
    owner = User.objects.create_user("owner")
    User.objects.create_user("auditor", role="auditor")
    consultation = answered_consultation(owner)
    Evidence.objects.filter(consultation=consultation).update(item=library_document(None))
    people = [User.objects.create_user(f"rater-{n}") for n in range(raters)]
    RaterInvitation.objects.bulk_create(RaterInvitation(consultation=consultation, rater=one) for one in people)
    citation = Citation.objects.get(evidence__consultation=consultation)
    start, failed = threading.Barrier(raters), []
    def speak(user):
        try:
            start.wait()
            give = dict(by=user, consultation=Consultation.objects.get(pk=consultation.pk))
            feedback_give(**give, citation=Citation.objects.get(pk=citation.pk), verdict="unsafe", reason="not-in-source")
            feedback_give(**give, verdict="final", final_diagnosis="Carcinoid tumor", confirmed_by="histology")
        except Exception as error:
            failed.append(repr(error))
        finally:
            connection.close()
    threads = [threading.Thread(target=speak, args=(one,)) for one in people]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return {
        "failed": failed, "words": Feedback.objects.count(), "speakers": Feedback.objects.values("user").distinct().count(),
        "events": Event.objects.filter(action="feedback.given").count(), "trail": verify().holds,
        "notices": Notice.objects.filter(recipient__username="auditor").count(),
        "disputes": Dispute.objects.count(), "votes": DisputeVote.objects.count(),
        "tickets": Gap.objects.count(), "reports": GapReport.objects.count(),
    }
"""  # noqa: E501
EXPECTED = {
    "failed": [], "words": 2 * RATERS, "speakers": RATERS, "events": 2 * RATERS, "trail": True, "notices": RATERS,
    "disputes": 1, "votes": RATERS, "tickets": 1, "reports": 1,
}  # fmt: skip


@pytest.mark.skipif(connection.vendor != "postgresql", reason="threads share no SQLite database in memory")
@pytest.mark.django_db(transaction=True)
def test_on_postgresql() -> None:
    room: dict[str, object] = {"threading": threading}
    exec(SETTING, room)  # noqa: S102
    assert room["everyone_speaks"](RATERS) == EXPECTED  # type: ignore[operator]


def test_on_a_sqlite_file(tmp_path: Path, settings) -> None:
    # They take seconds to make, and are kept on disk.
    concepts.warm()
    if settings.MODELS_ROOT.is_dir():
        # Made once and not again: it takes seconds.
        shutil.copytree(settings.MODELS_ROOT, tmp_path / "models")
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"DJANGO_SETTINGS_MODULE": "cdss.settings", "CDSS_HOME": str(tmp_path), "SECRET_KEY": "x" * 60}
    script = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        f"call_command('migrate', verbosity=0)\n{SETTING}\n"
        f"print(everyone_speaks({RATERS}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == str(EXPECTED), result.stderr
