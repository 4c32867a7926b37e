from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from cdss.accounts.permissions import Action, require, user_of
from cdss.teaching.forms import PlatformForm
from cdss.teaching.lti.errors import PlatformError
from cdss.teaching.lti.platforms import grades_send_again, platform_add, platform_change, platform_switch
from cdss.teaching.models import GradeReturn, Platform


@require_http_methods(["GET", "POST"])
@require(Action.MANAGE_USERS)
def platforms(request: HttpRequest) -> HttpResponse:
    form = PlatformForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                platform_add(by=user_of(request), **form.values())
        except PlatformError as error:
            form.add_error(None, str(error))
        except IntegrityError:
            form.add_error(None, "This issuer and client id are entered already.")
        else:
            messages.success(request, "Learners of this platform are let in from now on.")
            return redirect("teaching:platforms")
    failed = Count("placements__returns", Q(placements__returns__state=GradeReturn.State.FAILED))
    own = {name: request.build_absolute_uri(reverse(f"teaching:lti_{name}")) for name in ("login", "launch", "keys")}
    context = {"rows": Platform.objects.annotate(failed=failed), "form": form, "own": own}
    return render(request, "teaching/platforms.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@require(Action.MANAGE_USERS)
def platform_edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Platform, pk=pk)
    form = PlatformForm(request.POST or None, initial=vars(found) | {"deployments": "\n".join(found.deployments)})
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                platform_change(platform=found, by=user_of(request), **form.values())
        except PlatformError as error:
            form.add_error(None, str(error))
        except IntegrityError:
            form.add_error(None, "This issuer and client id are entered already.")
        else:
            messages.success(request, "Saved.")
            return redirect("teaching:platforms")
    context = {"platform": found, "form": form}
    return render(request, "teaching/platform_edit.html", context, status=422 if form.errors else 200)


@require_POST
@require(Action.MANAGE_USERS)
def platform(request: HttpRequest, pk: int) -> HttpResponse:
    """Switched on or off, or its failed scores sent again."""
    found = get_object_or_404(Platform, pk=pk)
    if "again" in request.POST:
        number = grades_send_again(platform=found, by=user_of(request))
        messages.success(request, f"{number} scores are sent again.")
    else:
        platform_switch(platform=found, by=user_of(request), active=request.POST.get("active") == "on")
    return redirect("teaching:platforms")
