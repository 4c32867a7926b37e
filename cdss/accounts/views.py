from typing import Any, cast

from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth import views as auth_views
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cdss.accounts import services
from cdss.accounts.adapters import first_page
from cdss.accounts.forms import OwnPasswordForm, SignInForm, UserChangeForm, UserForm, UserGroupForm
from cdss.accounts.lockout import count_failure
from cdss.accounts.models import Role, User, UserGroup
from cdss.accounts.open_sessions import open_sessions, session_of
from cdss.accounts.permissions import Action, allowed_actions, require, user_of
from cdss.audit.services import record

PAGE_SIZE = 50
FORM_METHODS = ["get", "head", "post", "options"]


class SignInView(auth_views.LoginView):
    http_method_names = FORM_METHODS
    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        return first_page(cast(User, self.request.user))

    def form_valid(self, form: Any) -> HttpResponse:
        """A second factor may follow; the session begins when all steps are done."""
        user, request = form.get_user(), self.request
        with transaction.atomic():
            login = Login(user=user, redirect_url=self.get_redirect_url() or None)
            return perform_password_login(request, {}, login)

    def form_invalid(self, form: Any) -> HttpResponse:
        services.sign_in_failed(
            username=form.data.get("username", ""),
            address=self.request.META.get("REMOTE_ADDR", ""),
            locked=getattr(self.request, "axes_locked_out", False),
        )
        return super().form_invalid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {
            "provider": settings.OIDC_NAME if settings.SOCIALACCOUNT_PROVIDERS else ""
        }


class SignOutView(auth_views.LogoutView):
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if isinstance(request.user, User):
            record(action="account.signed_out", by=request.user, obj=request.user)
        response = super().post(request, *args, **kwargs)
        # Nothing of a case stays in a browser that others use.
        response["Clear-Site-Data"] = '"cache"'
        return response


class PasswordView(auth_views.PasswordChangeView):
    http_method_names = FORM_METHODS
    template_name = "accounts/password.html"
    form_class = OwnPasswordForm
    success_url = reverse_lazy("accounts:profile")

    @transaction.atomic
    def form_valid(self, form: Any) -> HttpResponse:
        form.user.password_is_anothers = False
        response = super().form_valid(form)
        record(action="account.password_changed", by=form.user, obj=form.user)
        messages.success(self.request, "Your password is changed. Your other sessions have ended.")
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        if "old_password" in form.errors:
            count_failure(request=self.request, user=cast(User, self.request.user))
        return super().form_invalid(form)


@require_GET
def profile(request: HttpRequest) -> HttpResponse:
    found = open_sessions(user=user_of(request), key=request.session.session_key)
    return render(
        request, "accounts/profile.html", {"actions": sorted(allowed_actions(request.user)), "sessions": found}
    )


@require_POST
def session_end(request: HttpRequest, handle: str) -> HttpResponse:
    """One of one's own; the one at hand ends by signing out."""
    found = session_of(user=user_of(request), handle=handle)
    if found is None:
        raise Http404
    if found.session_key == request.session.session_key:
        messages.warning(request, "That is the session you are in: sign out to end it.")
        return redirect("accounts:profile")
    raise_if_reauthentication_required(request, app="account")
    services.session_end(session=found, by=user_of(request))
    messages.success(request, "The session has ended. Whoever used it has to sign in again.")
    return redirect("accounts:profile")


@require_POST
@reauthentication_required
def sessions_end(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    services.sessions_end(user=user, by=user)
    user.refresh_from_db()
    update_session_auth_hash(request, user)
    messages.success(request, "Your other sessions have ended.")
    return redirect("accounts:profile")


@require_GET
@require(Action.MANAGE_USERS)
def users(request: HttpRequest) -> HttpResponse:
    found = User.objects.select_related("group").order_by("username")
    if role := request.GET.get("role", ""):
        found = found.filter(role=role)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "accounts/users.html", {"page_obj": page, "roles": Role.choices, "role": role})


@never_cache
@require_http_methods(["GET", "POST"])
@require(Action.MANAGE_USERS)
def user_new(request: HttpRequest) -> HttpResponse:
    form = UserForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        account, password = services.user_create(by=user_of(request), **form.cleaned_data)
        return render(request, "accounts/password_once.html", {"account": account, "password": password}, status=201)
    return render(request, "accounts/user_form.html", {"form": form})


@require_http_methods(["GET", "POST"])
@require(Action.MANAGE_USERS)
def user_edit(request: HttpRequest, pk: int) -> HttpResponse:
    account = get_object_or_404(User, pk=pk)
    form = UserChangeForm(request.POST or None, instance=get_object_or_404(User, pk=pk))
    if request.method == "POST" and form.is_valid():
        try:
            services.user_update(user=account, by=user_of(request), **form.cleaned_data)
        except services.LastAdministratorError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{account.username} is changed.")
            return redirect("accounts:users")
    sessions = open_sessions(user=account, key=request.session.session_key)
    return render(request, "accounts/user_form.html", {"form": form, "account": account, "sessions": sessions})


@require_GET
@require(Action.MANAGE_USERS)
def groups(request: HttpRequest) -> HttpResponse:
    found = UserGroup.objects.annotate(people=Count("members"))
    return render(request, "accounts/groups.html", {"groups": found})


@require_http_methods(["GET", "POST"])
@require(Action.MANAGE_USERS)
def group_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    group = get_object_or_404(UserGroup, pk=pk) if pk else None
    form = UserGroupForm(request.POST or None, instance=group)
    if request.method == "POST" and form.is_valid():
        saved = services.group_save(group=form.save(commit=False), by=user_of(request))
        messages.success(request, f"The group {saved.name} is kept.")
        return redirect("accounts:groups")
    return render(request, "accounts/group_form.html", {"form": form, "group": group})


@never_cache
@require_POST
@require(Action.MANAGE_USERS)
def user_password(request: HttpRequest, pk: int) -> HttpResponse:
    account = get_object_or_404(User, pk=pk)
    password = services.password_reset(user=account, by=user_of(request))
    return render(request, "accounts/password_once.html", {"account": account, "password": password})


@require_POST
@require(Action.MANAGE_USERS)
def user_factors_reset(request: HttpRequest, pk: int) -> HttpResponse:
    account = get_object_or_404(User, pk=pk)
    removed = services.second_factors_reset(user=account, by=user_of(request))
    messages.success(request, f"{account.username} has no second factor any more ({removed} removed).")
    return redirect("accounts:user_edit", pk)


@require_POST
@require(Action.MANAGE_USERS)
def user_sessions_end(request: HttpRequest, pk: int) -> HttpResponse:
    account = get_object_or_404(User, pk=pk)
    services.sessions_end(user=account, by=user_of(request))
    messages.success(request, f"The sessions of {account.username} have ended.")
    return redirect("accounts:user_edit", pk)
