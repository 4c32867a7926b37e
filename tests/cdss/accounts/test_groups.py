from django.test import Client

from cdss.accounts.models import User, UserGroup
from cdss.audit.models import Event


def test_an_administrator_makes_and_changes_a_group(client: Client, administrator: User) -> None:
    client.force_login(administrator)
    client.post("/accounts/groups/new/", {"name": "Night shift", "commit_first": "on"})
    group = UserGroup.objects.get()
    assert group.commit_first
    client.post(f"/accounts/groups/{group.pk}/", {"name": "Night shift"})
    group.refresh_from_db()
    assert not group.commit_first
    made, changed = Event.objects.filter(action__startswith="group.")
    assert (made.action, made.details) == ("group.created", {"commit_first": True})
    assert changed.details == {"commit_first": False, "commit_first_before": True, "renamed": False}


def test_two_groups_of_one_name(client: Client, administrator: User) -> None:
    UserGroup.objects.create(name="Night shift")
    client.force_login(administrator)
    assert "already exists" in client.post("/accounts/groups/new/", {"name": "Night shift"}).content.decode()
    assert UserGroup.objects.count() == 1


def test_an_account_is_put_into_a_group(client: Client, administrator: User, clinician: User) -> None:
    group = UserGroup.objects.create(name="Night shift")
    client.force_login(administrator)
    client.post(f"/accounts/users/{clinician.pk}/", {"role": "clinician", "group": group.pk, "is_active": "on"})
    clinician.refresh_from_db()
    assert clinician.group == group
    assert "Night shift" in client.get("/accounts/users/").content.decode()
