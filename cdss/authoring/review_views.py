from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from cdss.accounts.permissions import Action, may, require, user_of
from cdss.audit.services import record
from cdss.authoring import comments, picture_doubts, presenters, workflow
from cdss.authoring.checklist import tick_set
from cdss.authoring.collections import collections_for
from cdss.authoring.content import FIELDS
from cdss.authoring.duplicates import duplicates_of
from cdss.authoring.forms import PeopleForm, SettingsForm, SubmitForm
from cdss.authoring.models import Manuscript
from cdss.authoring.services import AuthoringError
from cdss.authoring.settings_services import place_set
from cdss.authoring.views import editable, frame, readable
from cdss.numbers import whole_number

SAID = {
    "submit": "Handed in for review.",
    "take_back": "Taken back: you can change it again.",
    "request_changes": "Back to its authors, with your comment.",
    "publish": "Published. It is found and cited as soon as the index is up to date.",
    "retire": "Retired. Nothing finds it any more; answers that cite it say so.",
    "take_up": "Taken up again, as a draft.",
}


@require_safe
@require(Action.AUTHOR)
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything that is decided by: the text, what is missing, the checklist, duplicates and comments."""
    manuscript, user = readable(request, pk), user_of(request)
    record(action="case.viewed", by=user, obj=manuscript, details={"version": manuscript.version})
    context = frame(manuscript, user) | {
        "texts": presenters.shown_texts(manuscript.content),
        "pictures": presenters.pictures(manuscript),
        "doubtful": picture_doubts.doubtful_pictures(manuscript),
        "doubtful_series": picture_doubts.doubtful_series(manuscript),
        "may_decide": picture_doubts.may_decide(manuscript, user),
        "threads": presenters.threads(manuscript),
        "duplicates": duplicates_of(manuscript, user),
        "comment_fields": [("images", "Images"), *((name, field.label) for name, field in FIELDS.items())],
        "labels": {name: field.label for name, field in FIELDS.items()} | {"images": "Images"},
    }
    return render(request, "authoring/review.html", context)


@require_POST
@require(Action.AUTHOR)
def act(request: HttpRequest, pk: int) -> HttpResponse:
    manuscript, action = readable(request, pk), request.POST.get("act", "")
    try:
        _do(request, manuscript, action)
        messages.success(request, SAID[action])
    except AuthoringError as error:
        messages.error(request, str(error))
    still = Manuscript.objects.for_user(request.user).filter(pk=pk).exists()
    return redirect("authoring:review", pk) if still else redirect("authoring:list")


def _do(request: HttpRequest, manuscript: Manuscript, action: str) -> None:
    by, note = user_of(request), request.POST.get("note", "")
    if action == "submit":
        form = SubmitForm(request.POST)
        if not form.is_valid():
            raise AuthoringError(" ".join(str(each[0]) for each in form.errors.values()))
        workflow.case_submit(
            manuscript=manuscript, by=by, reviewers=form.cleaned_data["reviewers"], note=form.cleaned_data["note"]
        )
    elif action == "request_changes":
        workflow.case_request_changes(manuscript=manuscript, by=by, note=note)
    elif action == "retire":
        workflow.case_retire(manuscript=manuscript, by=by, note=note)
    elif action in ("publish", "take_back", "take_up"):
        acts = {
            "publish": workflow.case_publish,
            "take_back": workflow.case_take_back,
            "take_up": workflow.case_take_up,
        }
        acts[action](manuscript=manuscript, by=by)  # type: ignore[operator]
    else:
        raise AuthoringError("Choose what to do.")


@require_POST
@require(Action.AUTHOR)
def comment(request: HttpRequest, pk: int) -> HttpResponse:
    manuscript, parent = readable(request, pk), whole_number(request.POST.get("parent", ""))
    thread = None if parent is None else get_object_or_404(manuscript.comments, pk=parent)
    try:
        comments.comment_add(
            manuscript=manuscript,
            by=user_of(request),
            text=request.POST.get("text", ""),
            field=request.POST.get("field", ""),
            parent=thread,
        )
    except AuthoringError as error:
        messages.error(request, str(error))
    return redirect(f"/authoring/{pk}/review/#comments")


@require_POST
@require(Action.AUTHOR)
def resolve(request: HttpRequest, pk: int, comment: int) -> HttpResponse:
    found = get_object_or_404(readable(request, pk).comments, pk=comment)
    comments.comment_resolve(comment=found, by=user_of(request), resolved=request.POST.get("resolved") == "yes")
    return redirect(f"/authoring/{pk}/review/#comments")


@require_POST
@require(Action.AUTHOR)
def tick(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        item, on = request.POST.get("item", ""), request.POST.get("on") == "yes"
        tick_set(manuscript=readable(request, pk), item=item, on=on, by=user_of(request))
    except AuthoringError as error:
        messages.error(request, str(error))
    return redirect(f"/authoring/{pk}/review/#checklist")


@require_POST
@require(Action.AUTHOR)
def people(request: HttpRequest, pk: int) -> HttpResponse:
    manuscript, form = editable(request, pk), PeopleForm(request.POST)
    try:
        if not form.is_valid():
            raise AuthoringError(" ".join(str(each[0]) for each in form.errors.values()))
        user, act = form.cleaned_data["user"], form.cleaned_data["act"]
        if act == "transfer":
            workflow.owner_transfer(manuscript=manuscript, to=user, by=user_of(request))
        else:
            workflow.co_author_set(manuscript=manuscript, user=user, on=act == "add", by=user_of(request))
        messages.success(request, "Changed.")
    except AuthoringError as error:
        messages.error(request, str(error))
    return redirect("authoring:edit", pk) if may(request.user, Action.AUTHOR) else redirect("authoring:list")


@require_POST
@require(Action.AUTHOR)
def place(request: HttpRequest, pk: int) -> HttpResponse:
    manuscript = editable(request, pk)
    held = type(manuscript.case.collection).objects.filter(pk=manuscript.case.collection_id)
    form = SettingsForm(request.POST, collections=(collections_for(user_of(request)) | held).distinct())
    if form.is_valid():
        place_set(manuscript=manuscript, by=user_of(request), **form.cleaned_data)
        messages.success(request, "Changed.")
    else:
        messages.error(request, "Choose a collection and who sees the case.")
    return redirect("authoring:edit", pk)
