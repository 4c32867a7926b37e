from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdss.accounts.permissions import REFUSAL, Action, may, require, user_of
from cdss.authoring import collections
from cdss.authoring.forms import CollectionForm, ShareForm
from cdss.authoring.services import AuthoringError
from cdss.library.models import Collection, CollectionShare


@require_safe
@require(Action.SHARE)
def listing(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    rows = collections.collections_editable_by(user).select_related("owner")
    mine = CollectionShare.objects.filter(by=user, collection__in=rows).select_related("user", "collection")
    shares: dict[int, list[CollectionShare]] = {}
    for share in mine:
        if share.is_standing:
            shares.setdefault(share.collection_id, []).append(share)
    context = {"rows": [(row, shares.get(row.pk, [])) for row in rows], "form": CollectionForm()}
    return render(request, "authoring/collections.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.SHARE)
def collection(request: HttpRequest, pk: int = 0) -> HttpResponse:
    """A new one, or one that is edited and shared."""
    user = user_of(request)
    row = get_object_or_404(collections.collections_editable_by(user), pk=pk) if pk else None
    initial = {"name": row.name, "description": row.description, "licence": row.licence} if row else None
    form = CollectionForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            made = collections.collection_save(collection=row, by=user, **form.cleaned_data)
            messages.success(request, "Saved.")
            return redirect("authoring:collection", made.pk)
        except AuthoringError as error:
            form.add_error("name", str(error))
    return _page(request, row, form, ShareForm())


def _page(
    request: HttpRequest, row: Collection | None, form: CollectionForm, share_form: ShareForm, link: str = ""
) -> HttpResponse:
    shares = CollectionShare.objects.filter(by=user_of(request), collection=row).select_related("user") if row else []
    context = {"collection": row, "form": form, "share_form": share_form, "shares": shares, "link": link}
    return render(request, "authoring/collection.html", context)


@require_POST
@require(Action.SHARE)
def share(request: HttpRequest, pk: int) -> HttpResponse:
    user = user_of(request)
    row = get_object_or_404(collections.collections_editable_by(user), pk=pk)
    form = ShareForm(request.POST)
    try:
        if form.is_valid() and form.cleaned_data["kind"] == "link":
            _, token = collections.share_link(collection=row, by=user, expires=form.cleaned_data["until"])
            site = settings.SITE_URL or f"{request.scheme}://{request.get_host()}"
            edited = CollectionForm(initial={"name": row.name, "description": row.description, "licence": row.licence})
            return _page(request, row, edited, ShareForm(), f"{site}{reverse('authoring:shared', args=[token])}")
        if form.is_valid():
            data, kind = form.cleaned_data, form.cleaned_data["kind"]
            chosen = {"role": data["role"]} if kind == "role" else {"user": data["user"]}
            collections.share_with(collection=row, by=user, expires=data["until"], **chosen)
            messages.success(request, "Shared.")
        else:
            messages.error(request, " ".join(str(each[0]) for each in form.errors.values()))
    except AuthoringError as error:
        messages.error(request, str(error))
    return redirect("authoring:collection", pk)


@require_POST
@require(Action.SHARE)
def revoke(request: HttpRequest, pk: int, share: int) -> HttpResponse:
    mine = CollectionShare.objects.filter(by=user_of(request), collection=pk)
    collections.share_revoke(share=get_object_or_404(mine, pk=share), by=user_of(request))
    messages.success(request, "Revoked: nobody sees anything by it any more.")
    return redirect("authoring:collection", pk)


@require_POST
@require(Action.SHARE)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(collections.collections_editable_by(user_of(request)), pk=pk)
    try:
        collections.collection_delete(collection=row, by=user_of(request))
    except AuthoringError as error:
        messages.error(request, str(error))
        return redirect("authoring:collection", pk)
    messages.success(request, "Deleted.")
    return redirect("authoring:collections")


@require_http_methods(["GET", "HEAD", "POST"])
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """A link says what it shows; who wants to see it is let in: learners to its cases as unknowns."""
    browses = may(request.user, Action.BROWSE_LIBRARY)
    if not browses and not may(request.user, Action.LEARN):
        raise PermissionDenied(REFUSAL)
    share = collections.share_of_link(token)
    if share is None:
        # What was revoked, ended, or never was is answered alike.
        return render(request, "authoring/shared_gone.html", status=404)
    if request.method != "POST":
        return render(request, "authoring/shared.html", {"share": share, "browses": browses})
    collections.link_open(share=share, by=user_of(request))
    if not browses:
        messages.success(request, "Its cases stand among your unknown cases from now on.")
        return redirect("teaching:home")
    return redirect(f"{reverse('library:list')}?collection={share.collection_id}")
