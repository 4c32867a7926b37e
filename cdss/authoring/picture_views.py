from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.authoring import picture_uploads, pictures
from cdss.authoring.services import AuthoringError
from cdss.authoring.views import editable, readable
from cdss.library.pictured import is_small, picture_response
from retrieval.errors import UnreadableError

MOVES = {"up": -1, "down": 1}


@require_safe
@require(Action.AUTHOR)
def picture(request: HttpRequest, pk: int, image: int) -> HttpResponseBase:
    manuscript = readable(request, pk)
    found = get_object_or_404(manuscript.pictures, pk=image)
    try:
        response = picture_response(request, found, found.frames // 2)
    except (OSError, ValueError, IndexError, UnreadableError) as error:
        raise Http404 from error
    if not is_small(request):
        record(action="case.image_viewed", by=user_of(request), obj=manuscript, details={"picture": found.pk})
    return response


@require_POST
@require(Action.AUTHOR)
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """A small picture at once; more is left to the worker, and the page shows how far it is."""
    manuscript = editable(request, pk)
    uploads = request.FILES.getlist("images")
    try:
        if not picture_uploads.is_quick(uploads):
            picture_uploads.pictures_send(manuscript=manuscript, uploads=uploads, by=user_of(request))
            return redirect(f"/authoring/{pk}/#images")
        added, problems = pictures.pictures_add(manuscript=manuscript, uploads=uploads, by=user_of(request))
        for said in problems:
            messages.error(request, said)
        if added or not problems:
            messages.success(request, f"{added} image{'s' * (added != 1)} added.")
    except AuthoringError as error:
        messages.error(request, str(error))
    return redirect(f"/authoring/{pk}/#images")


@require_safe
@require(Action.AUTHOR)
def sent(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the editor that asks for itself while pictures are being read."""
    manuscript = editable(request, pk)
    context = {"manuscript": manuscript, "sent": picture_uploads.sent_to(manuscript, user_of(request))}
    return render(request, "authoring/_sent.html", context)


@require_POST
@require(Action.AUTHOR)
def sent_again(request: HttpRequest, pk: int, upload: UUID) -> HttpResponse:
    manuscript = editable(request, pk)
    found = get_object_or_404(manuscript.picture_uploads, pk=upload, owner=user_of(request))
    picture_uploads.pictures_start_again(upload=found)
    return redirect(f"/authoring/{pk}/#images")


@require_POST
@require(Action.AUTHOR)
def change(request: HttpRequest, pk: int, picture: int) -> HttpResponse:
    manuscript, act = editable(request, pk), request.POST.get("act", "")
    get_object_or_404(manuscript.pictures, pk=picture)
    try:
        if act in MOVES:
            pictures.picture_move(manuscript=manuscript, picture=picture, by=MOVES[act], who=user_of(request))
        elif act == "erase":
            pictures.picture_erase(manuscript=manuscript, picture=picture, by=user_of(request))
        else:
            pictures.picture_take_out(manuscript=manuscript, picture=picture, by=user_of(request))
    except AuthoringError as error:
        messages.error(request, str(error))
    return redirect(f"/authoring/{pk}/#images")
