import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from cdss.accounts.context import permissions
from cdss.accounts.models import User
from cdss.accounts.permissions import ROLE_ACTIONS, Action, require


@require(Action.VIEW_AUDIT)
def view(request: HttpRequest, number: int = 0) -> HttpResponse:
    return HttpResponse(str(number))


@require(Action.VIEW_AUDIT)
async def async_view(request: HttpRequest, number: int = 0) -> HttpResponse:
    return HttpResponse(str(number))


def asked_by(user: User) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user

    async def auser() -> User:
        return user

    request.auser = auser
    return request


@pytest.mark.parametrize("answer", [view, async_to_sync(async_view)])
def test_a_guarded_view_answers_who_may(auditor: User, clinician: User, answer) -> None:
    assert answer(asked_by(auditor), number=7).content == b"7"
    with pytest.raises(PermissionDenied, match="administrator can change"):
        answer(asked_by(clinician))


def test_templates_know_what_the_user_may_do(auditor: User) -> None:
    assert set(permissions(asked_by(auditor))["may"]) == {action.value for action in ROLE_ACTIONS["auditor"]}
    assert permissions(RequestFactory().get("/")) == {"may": {}}


def test_the_menu_offers_what_the_role_may_do(client: Client, auditor: User, administrator: User) -> None:
    for user, there, not_there in (
        (auditor, "/audit/", "/accounts/users/"),
        (administrator, "/accounts/users/", "/audit/"),
    ):
        client.force_login(user)
        page = client.get("/accounts/me/").content.decode()
        assert f'href="{there}"' in page
        assert f'href="{not_there}"' not in page


def test_a_role_that_is_unknown_may_do_nothing(clinician: User) -> None:
    clinician.role = "superhuman"
    with pytest.raises(PermissionDenied):
        view(asked_by(clinician))
