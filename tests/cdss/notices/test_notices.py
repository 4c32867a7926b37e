import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cdss.accounts.models import User
from cdss.audit.models import Event
from cdss.notices.models import Notice
from cdss.notices.services import notice_read, notify


def tell(*people: User, key: str = "unsafe:1") -> int:
    return notify(kind="unsafe", recipients=people, text="A statement of C-1 was called unsafe: …", path="/", key=key)


def test_each_is_told_once(clinician: User, educator: User, make_user) -> None:
    gone = make_user("gone", is_active=False)
    assert tell(clinician, gone, clinician) == 1
    assert tell(clinician, educator) == 1
    assert Notice.objects.count() == 2
    assert [event.details["recipients"] for event in Event.objects.all()] == [1, 1]


def test_the_bell_counts_by_one_query(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    counts = []
    for number in range(2):
        for each in range(30 * number):
            tell(clinician, key=f"k{each}")
        with CaptureQueriesContext(connection) as queries:
            page = client.get("/accounts/me/").content.decode()
        counts.append(len(queries))
        assert sum("notices_notice" in query["sql"] for query in queries) == 1
    assert counts[0] == counts[1]
    assert 'aria-label="Notices: 30 unread"' in page


def test_opening_reads_it_and_goes_there(client: Client, clinician: User, educator: User) -> None:
    tell(clinician)
    notice = Notice.objects.get()
    client.force_login(educator)
    assert client.post(f"/notices/{notice.pk}/").status_code == 404
    client.force_login(clinician)
    assert client.post(f"/notices/{notice.pk}/")["Location"] == "/"
    assert not Notice.objects.unread().exists()
    notice_read(notice=notice, by=clinician)
    assert Event.objects.filter(action="notice.read").count() == 1


def test_all_at_once(client: Client, clinician: User, educator: User) -> None:
    for number in range(3):
        tell(clinician, educator, key=f"k{number}")
    client.force_login(clinician)
    client.post("/notices/read/")
    assert Notice.objects.unread().count() == 3
    assert Event.objects.get(action="notice.all_read").details == {"notices": 3}


class TestMail:
    @pytest.fixture(autouse=True)
    def host(self, settings) -> None:
        settings.EMAIL_HOST, settings.SITE_URL = "mail.example", "https://cdss.example"

    def test_says_that_there_is_one_and_no_more(
        self, django_capture_on_commit_callbacks, clinician: User, educator: User
    ) -> None:
        User.objects.filter(pk=clinician.pk).update(email="clinician@example.org")
        with django_capture_on_commit_callbacks(execute=True):
            tell(clinician, educator)
        (message,) = mail.outbox
        assert message.to == ["clinician@example.org"]
        assert "https://cdss.example/" in message.body
        assert "C-1" not in message.subject + message.body
        with django_capture_on_commit_callbacks(execute=True):
            tell(clinician, educator)
        assert len(mail.outbox) == 1

    def test_none_without_a_host(self, settings, django_capture_on_commit_callbacks, clinician: User) -> None:
        settings.EMAIL_HOST = ""
        User.objects.update(email="clinician@example.org")
        with django_capture_on_commit_callbacks(execute=True):
            tell(clinician)
        assert not mail.outbox
