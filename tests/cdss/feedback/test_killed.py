"""The process is killed between any two steps of giving feedback: nothing is half there, nothing without its event."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cdss.reasoning import concepts

SCRIPT = """
import os, signal, sys, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.db import connection
from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.audit.verify import verify
from cdss.consultations.models import Citation, Consultation, Evidence
from cdss.feedback.models import Feedback, GapReport
from cdss.feedback.services import feedback_give
from cdss.library.standing import DisputeVote
from cdss.notices.models import Notice
from cdss.reasoning import concepts
from tests.cdss.cast import answered_consultation, library_document

concepts.warm()
owner, _ = User.objects.create_user("owner"), User.objects.create_user("auditor", role="auditor")
first = answered_consultation(owner)
Evidence.objects.filter(consultation=first).update(item=library_document(None))
citation = Citation.objects.get(evidence__consultation=first)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def speak(step):
    "Feedback whose process dies before its step-th statement; a commit is a step too."
    left = [step]
    def counted(execute, sql, params, many, context):
        if left[0] == 0:
            die()
        left[0] -= 1
        return execute(sql, params, many, context)
    commit = connection._commit
    def committed():
        if left[0] == 0:
            die()
        left[0] -= 1
        commit()
        if left[0] == 0:
            die()
    connection._commit = committed
    with connection.execute_wrapper(counted):
        feedback_give(by=owner, consultation=first, citation=citation, verdict="unsafe", reason="not-in-source")
        final = dict(verdict="final", final_diagnosis="Carcinoid", confirmed_by="surgery")
        feedback_give(by=owner, consultation=first, **final)

def whole():
    words = Feedback.objects.count()
    unsafe = Feedback.objects.filter(verdict="unsafe").count()
    return (
        words == Event.objects.filter(action="feedback.given").count()
        and unsafe == Notice.objects.filter(recipient__username="auditor").count()
        and bool(unsafe) == DisputeVote.objects.exists()
        and (words > unsafe) == GapReport.objects.exists()
    )

killed = ended = 0
broken = []
for turn in range(2000):
    connection.close()
    child = os.fork()
    if child == 0:
        speak(turn * 7 % 100)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    killed += os.WIFSIGNALED(status)
    ended += not os.WIFSIGNALED(status)
    if not whole():
        broken.append(turn)
    if killed == int(sys.argv[1]):
        break
print(killed, ended > 0, broken, Feedback.objects.count() >= 2 * ended, verify().holds)
"""


@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.faults)])
def test_killed_at_every_step_of_a_sqlite_file(tmp_path: Path, settings, kills: int) -> None:
    concepts.warm()
    if settings.MODELS_ROOT.is_dir():
        # Made once and not again: it takes seconds.
        shutil.copytree(settings.MODELS_ROOT, tmp_path / "models")
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"DJANGO_SETTINGS_MODULE": "cdss.settings", "CDSS_HOME": str(tmp_path), "SECRET_KEY": "x" * 60}
    command = [sys.executable, "-c", SCRIPT, str(kills)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.stdout.split("\n")[0] == f"{kills} True [] True True", result.stderr[-2000:]
