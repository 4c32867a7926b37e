from typing import cast

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdss.accounts.models import User
from cdss.accounts.permissions import Action, require, user_of
from cdss.audit.services import record
from cdss.library.models import CaseImage
from cdss.regions import services
from cdss.regions.forms import MaskForm, SegmentationForm, StructureForm
from cdss.regions.masks import MaskError
from cdss.regions.models import Origin, Proposal, RegionMask, Structure
from cdss.regions.pictures import overlay_png
from cdss.regions.places import Place, place_of
from cdss.regions.segmentations import segmentation_of, segmentation_read
from cdss.regions.services import RefusedError
from cdss.regions.views import UNPROCESSABLE

HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}


@require_http_methods(["GET", "POST"])
@require(Action.IMPORT)
def structures(request: HttpRequest) -> HttpResponse:
    """With an image in the address, choosing one of them goes on to masking it there."""
    user, form = user_of(request), StructureForm(request.POST if request.method == "POST" else None)
    place = place_of(request.GET, user)
    if request.method == "POST" and form.is_valid():
        try:
            structure = services.structure_create(by=user, **form.cleaned_data)
        except RefusedError as error:
            form.add_error("name", str(error))
        else:
            return redirect(_draw(structure, place) if place else structure.get_absolute_url())
    visible = RegionMask.objects.visible_to(user).current().values_list("structure").annotate(Count("pk")).order_by()
    counts = dict(visible)
    rows = [(structure, counts.get(structure.pk, 0)) for structure in Structure.objects.select_related("by")]
    context = {"rows": rows, "form": form, "place": place}
    return render(request, "regions/structures.html", context, status=UNPROCESSABLE if form.errors else 200)


@require_safe
@require(Action.IMPORT)
def structure(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Structure, pk=pk)
    masks = RegionMask.objects.visible_to(user_of(request)).current().filter(structure=found)
    record(action="regions.structure_viewed", by=user_of(request), obj=found)
    context = {"structure": found, "masks": masks.select_related("image__case", "by", "proposal")}
    return render(request, "regions/structure.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@require(Action.IMPORT)
def draw(request: HttpRequest, pk: int) -> HttpResponse:
    found, place = get_object_or_404(Structure, pk=pk), _library_place(request)
    form = MaskForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and (saved := _saved(request, found, place, form)):
        return saved
    return _editor(request, found, place, form)


@require_POST
@require(Action.IMPORT)
def propose(request: HttpRequest, pk: int) -> HttpResponse:
    found, place = get_object_or_404(Structure, pk=pk), _library_place(request)
    try:
        made = services.proposal_make(
            structure=found, image=cast(CaseImage, place.row), frame=place.frame, by=user_of(request)
        )
    except RefusedError as error:
        messages.error(request, str(error))
        return redirect(_draw(found, place))
    return redirect(made)


@never_cache
@require_http_methods(["GET", "POST"])
@require(Action.IMPORT)
def proposal(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Proposal.objects.visible_to(user_of(request)).select_related("structure", "image__case__collection")
    made = get_object_or_404(rows, pk=pk)
    place = Place(made.image, made.frame, masked=False)
    form = MaskForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and (saved := _saved(request, made.structure, place, form, proposal=made)):
        return saved
    return _editor(request, made.structure, place, form, proposal=made)


@require_POST
@require(Action.IMPORT)
def read(request: HttpRequest, pk: int) -> HttpResponse:
    found, place = get_object_or_404(Structure, pk=pk), _library_place(request)
    form, image = SegmentationForm(request.POST, request.FILES), cast(CaseImage, place.row)
    try:
        if not form.is_valid():
            raise RefusedError("Choose a DICOM segmentation.")
        mask = segmentation_read(form.cleaned_data["file"].read(), image=image, frame=place.frame)
        services.mask_save(
            structure=found, image=image, frame=place.frame, mask=mask, by=user_of(request), origin=Origin.READ
        )
    except RefusedError as error:
        messages.error(request, str(error))
        return redirect(_draw(found, place))
    messages.success(request, "The segmentation was read and kept as a mask.")
    return redirect(found)


@require_POST
@require(Action.IMPORT)
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    mask = _mask(request, pk)
    services.mask_withdraw(mask=mask, by=user_of(request))
    messages.success(request, "Withdrawn. Nothing is proposed from this mask any more.")
    return redirect(mask.structure)


@require_safe
@require(Action.IMPORT)
def overlay(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(overlay_png(services.mask_of(_mask(request, pk))), content_type="image/png", headers=HEADERS)


@require_safe
@require(Action.IMPORT)
def segmentation(request: HttpRequest, pk: int) -> HttpResponse:
    mask = _mask(request, pk)
    data = segmentation_of(mask)
    record(action="regions.mask_exported", by=user_of(request), obj=mask, details={"bytes": len(data)})
    headers = {"Content-Disposition": f'attachment; filename="mask-{mask.pk}.dcm"', "Cache-Control": "no-store"}
    return HttpResponse(data, content_type="application/dicom", headers=headers | {"X-Content-Type-Options": "nosniff"})


def _mask(request: HttpRequest, pk: int) -> RegionMask:
    rows = RegionMask.objects.visible_to(user_of(request)).select_related("structure", "image")
    return get_object_or_404(rows, pk=pk)


def _library_place(request: HttpRequest) -> Place:
    place = place_of(request.GET, user_of(request))
    if place is None or not place.is_of_library:
        raise Http404
    return place


def _draw(structure: Structure, place: Place) -> str:
    return f"{reverse('regions:draw', args=[structure.pk])}?image={place.row.pk}&frame={place.frame}"


def _saved(
    request: HttpRequest, structure: Structure, place: Place, form: MaskForm, proposal: Proposal | None = None
) -> HttpResponse | None:
    if not form.is_valid():
        return None
    try:
        saved = services.mask_save(
            structure=structure,
            image=cast(CaseImage, place.row),
            frame=place.frame,
            mask=form.mask(width=place.row.width, height=place.row.height),
            by=user_of(request),
            proposal=proposal,
        )
    except (MaskError, RefusedError) as error:
        form.add_error(None, str(error))
        return None
    messages.success(request, f"Saved: {saved.get_origin_display().lower()}.")
    return redirect(structure)


def _editor(
    request: HttpRequest, structure: Structure, place: Place, form: MaskForm, proposal: Proposal | None = None
) -> HttpResponse:
    image = cast(CaseImage, place.row)
    supports = services.supports_for(structure=structure, image=image, frame=place.frame, user=user_of(request))
    context = {
        "structure": structure,
        "place": place,
        "form": form,
        "proposal": proposal,
        "supports": len(proposal.supports) if proposal else len(supports),
        "read_form": SegmentationForm(),
        "runs": form.data.get("runs", "") if form.is_bound else _runs(structure, place, proposal, user_of(request)),
    }
    return render(request, "regions/editor.html", context, status=UNPROCESSABLE if form.errors else 200)


def _runs(structure: Structure, place: Place, proposal: Proposal | None, user: User) -> str:
    """What the canvas begins with: the proposal, or the mask that is there."""
    if proposal is not None:
        return proposal.runs
    there = RegionMask.objects.visible_to(user).current()
    kept = there.filter(structure=structure, image=place.row.pk, frame=place.frame).first()
    return kept.runs if kept else ""
