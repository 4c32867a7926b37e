from collections.abc import Callable
from pathlib import Path

from django.test import Client

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.exchange.kept import kept_parts
from cdss.exchange.models import Carried
from cdss.library.models import Case
from tests.cdss.exchange.test_mirc import teaching_file
from tests.cdss.exchange.test_tce import packed

__all__ = ["teaching_file"]


def test_what_a_document_said_beside(teaching_file: Path, importing: Callable, client: Client, educator: User) -> None:
    importing(teaching_file, "--publish")
    case = Case.objects.get()
    parts = {part.name: part.lines for part in kept_parts(Carried.objects.get())}
    assert parts["Protocol of the scanner"] == ["Portal venous phase, 1 mm.", "Low", "1"]
    assert "Which plane is it?" in parts["Quiz"]
    assert parts["Authorization"] == ["jroe", "*", "jroe, jpoe", "staff"]
    assert "Title" not in parts
    Carried.objects.update(tree=["MIRCdocument", {}, [["note", {}, ["<script>alert(1)</script>"]]]])
    client.force_login(educator)
    page = client.get(f"/library/export/carried/{case.pk}/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "Also in its file" in client.get(f"/library/cases/{case.pk}/").content.decode()
    client.post(f"/library/export/carried/{case.pk}/")
    assert not Carried.objects.exists()
    assert Event.objects.filter(action="library.carried_forgotten", object_id=str(case.pk)).count() == 1
    assert client.get(f"/library/export/carried/{case.pk}/").status_code == 404
    assert "Also in its file" not in client.get(f"/library/cases/{case.pk}/").content.decode()


def test_what_a_report_said_beside(tmp_path: Path, importing: Callable) -> None:
    importing(packed(tmp_path / "tce.zip"), "--publish")
    parts = {part.name: part.lines for part in kept_parts(Carried.objects.get())}
    assert parts == {"Local remark": ["Kept as it is."], "Local code": ["Alpha"], "Person Observer Name": ["[name]"]}
