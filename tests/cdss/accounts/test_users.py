import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cdss.accounts.demo import USERNAMES, demo_accounts_make, demo_passwords_reset
from cdss.accounts.models import Role, User
from cdss.accounts.permissions import ROLE_ACTIONS, Action, may
from cdss.accounts.services import LastAdministratorError, user_create, user_update
from cdss.audit.models import Event

FIELDS = {"first_name": "", "last_name": "", "email": "", "department": "", "location": ""}


@pytest.fixture
def office(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


def test_a_new_account_has_a_password_that_is_shown_once(office: Client) -> None:
    form = FIELDS | {"username": "new.person", "role": "educator", "department": "radiology"}
    answer = office.post("/accounts/users/new/", form)
    assert answer.status_code == 201
    assert "no-store" in answer["Cache-Control"]
    user = User.objects.get(username="new.person")
    assert user.role == Role.EDUCATOR
    assert Client().login(username="new.person", password=answer.context["password"])
    event = Event.objects.get(action="account.created")
    assert (event.actor, event.object_id, event.details) == ("administrator", str(user.pk), {"role": "educator"})
    assert answer.context["password"] not in str(list(Event.objects.values()))


def test_a_password_that_an_administrator_read_is_changed_before_anything_else(office: Client, clinician: User) -> None:
    password = office.post(f"/accounts/users/{clinician.pk}/password/").context["password"]
    own = Client()
    assert own.login(username="clinician", password=password)
    assert own.get("/library/")["Location"] == "/accounts/me/password/"
    assert own.post("/consultations/new/", {"findings": "Nodule."})["Location"] == "/accounts/me/password/"
    assert "one of your own first" in own.get("/accounts/me/password/").content.decode()
    form = {"old_password": password, "new_password1": password, "new_password2": password}
    assert own.post("/accounts/me/password/", form).status_code == 200
    form |= dict.fromkeys(("new_password1", "new_password2"), "seven violet herons")
    assert own.post("/accounts/me/password/", form).status_code == 302
    assert own.get("/library/").status_code == 200


@pytest.mark.django_db
def test_a_password_that_nobody_else_read_stays(clinician: User) -> None:
    user, password = user_create(username="first.administrator", role=Role.ADMINISTRATOR)
    own = Client()
    assert own.login(username=user.username, password=password)
    assert own.get("/library/").status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"username": "clinician", "role": "clinician"},
        {"username": "CLINICIAN", "role": "clinician"},
        {"username": "two words", "role": "clinician"},
        {"username": "x", "role": "superhuman"},
        {"username": "", "role": "clinician"},
    ],
)
def test_a_form_that_is_wrong_makes_nothing(office: Client, clinician: User, form: dict[str, str]) -> None:
    before = User.objects.count()
    assert office.post("/accounts/users/new/", FIELDS | form).status_code == 200
    assert User.objects.count() == before


def test_a_change_of_role_is_recorded_with_both_roles(office: Client, clinician: User) -> None:
    form = FIELDS | {"role": "auditor", "is_active": "on", "department": "records"}
    assert office.post(f"/accounts/users/{clinician.pk}/", form).status_code == 302
    clinician.refresh_from_db()
    assert (clinician.role, clinician.department) == ("auditor", "records")
    assert Event.objects.get().details == {
        "changed": ["department", "role"],
        "role_before": "clinician",
        "role": "auditor",
        "active": True,
    }


def test_nothing_changed_is_no_event(office: Client, clinician: User) -> None:
    office.post(
        f"/accounts/users/{clinician.pk}/", FIELDS | {"role": "clinician", "is_active": "on", "department": "radiology"}
    )
    assert not Event.objects.exists()


@pytest.mark.parametrize("change", [{"role": Role.CLINICIAN}, {"is_active": False}])
def test_the_last_administrator_stays(administrator: User, change: dict[str, object]) -> None:
    with pytest.raises(LastAdministratorError, match="last active administrator"):
        user_update(user=administrator, by=administrator, **change)
    administrator.refresh_from_db()
    assert (administrator.role, administrator.is_active) == (Role.ADMINISTRATOR, True)


def test_the_form_says_so_too(office: Client, administrator: User) -> None:
    page = office.post(f"/accounts/users/{administrator.pk}/", FIELDS | {"role": "clinician", "is_active": "on"})
    assert "last active administrator" in page.content.decode()


def test_a_new_password_ends_the_sessions_of_its_account(office: Client, clinician: User) -> None:
    theirs = Client()
    theirs.force_login(clinician)
    answer = office.post(f"/accounts/users/{clinician.pk}/password/")
    assert theirs.get("/accounts/me/").status_code == 302
    assert Client().login(username="clinician", password=answer.context["password"])
    assert Event.objects.get().action == "account.password_reset"


def test_the_list_takes_as_many_queries_for_many_as_for_few(office: Client, make_user) -> None:
    counts = []
    for number in (2, 30):
        for index in range(number):
            make_user(f"user-{number}-{index}")
        with CaptureQueriesContext(connection) as queries:
            assert office.get("/accounts/users/?role=clinician").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_there_is_no_way_to_delete_an_account(office: Client, clinician: User) -> None:
    assert office.delete(f"/accounts/users/{clinician.pk}/").status_code == 405


def test_who_may_do_what() -> None:
    table = {role: set(actions) for role, actions in ROLE_ACTIONS.items()}
    assert set(table) == set(Role.values)
    # Those who are watched do not watch, and those who watch do nothing else.
    watching = {Action.VIEW_AUDIT, Action.EXPORT_FEEDBACK, Action.VIEW_ALL_CONSULTATIONS}
    assert watching <= table[Role.AUDITOR]
    assert not watching & (table[Role.CLINICIAN] | table[Role.EDUCATOR] | table[Role.ADMINISTRATOR])
    assert not table[Role.AUDITOR] & {Action.CONSULT, Action.GIVE_FEEDBACK, Action.IMPORT, Action.PUBLISH}
    assert [role for role in Role if Action.MANAGE_USERS in table[role]] == [Role.ADMINISTRATOR]
    assert Action.CONSULT not in table[Role.ADMINISTRATOR]


def test_an_inactive_account_may_do_nothing(clinician: User) -> None:
    clinician.is_active = False
    assert not any(may(clinician, action) for action in Action)


def test_demonstration_accounts_are_made_once(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    made = demo_accounts_make()
    assert set(made) == set(USERNAMES.values())
    assert demo_accounts_make() == {}
    assert all(Client().login(username=name, password=password) for name, password in made.items())
    call_command("demo_passwords")
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert set(printed) == set(made)
    assert not set(printed.values()) & set(made.values())
    assert all(Client().login(username=name, password=password) for name, password in printed.items())


def test_a_site_without_demonstration_accounts_gets_none(clinician: User) -> None:
    assert demo_passwords_reset() == {}
    with pytest.raises(CommandError, match="no demonstration accounts"):
        call_command("demo_passwords")


def test_the_first_administrator_comes_from_the_command_line(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_user", "root.of.all", "--role", "administrator")
    name, password = capsys.readouterr().out.split()
    assert Client().login(username=name, password=password)
    assert User.objects.get().role == Role.ADMINISTRATOR
    for wrong in ("root.of.all", "Root.Of.All", "two words"):
        with pytest.raises(CommandError):
            call_command("create_user", wrong, "--role", "clinician")


def test_passwords_differ(db: None) -> None:
    assert len({user_create(username=f"u{number}")[1] for number in range(20)}) == 20
