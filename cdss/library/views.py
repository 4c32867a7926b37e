from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from cdss.accounts.permissions import Action, may, require, user_of
from cdss.audit.services import record
from cdss.library import services
from cdss.library.browse import (
    collection_counts,
    counted,
    facets,
    filtered,
    in_this_order,
    ordered,
    read_once,
    with_first_images,
)
from cdss.library.case_text import PRESENTED, case_blocks
from cdss.library.forms import SearchForm
from cdss.library.models import Case, CaseImage, Document, Gamut, Kind, LibraryItem
from cdss.library.pictured import is_small, picture_response
from cdss.library.saved_searches import searches_of
from cdss.library.spans import cited_span, page_of, pieces, sections
from cdss.library.standing_of import standing_of
from cdss.library.veils import open_to, unveiled
from retrieval.errors import UnreadableError

PER_PAGE = 24
GAMUTS_PER_PAGE = 60


@require_safe
@require(Action.BROWSE_LIBRARY)
def item_list(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    wanted = form.wanted()
    visible = unveiled(LibraryItem.objects.viewable_by(user_of(request)), user_of(request))
    found, still = read_once(visible, wanted)
    counts = counted(found, still)
    paginator = Paginator(ordered(filtered(found, still), wanted["q"]).values_list("pk", flat=True), PER_PAGE)
    paginator.count = counts.total
    page = paginator.get_page(request.GET.get("page"))
    context = {
        "wanted": wanted,
        "filters": (filters := form.filters()),
        "saved": [(search, search.filters == filters) for search in searches_of(user_of(request))],
        "facets": facets(found, still, counts, with_state=may(user_of(request), Action.PUBLISH)),
        "page_obj": page,
        "rows": with_first_images(in_this_order(list(page.object_list))),
        "as_table": wanted["view"] == "table" or (not wanted["view"] and wanted["kind"] not in ("", Kind.CASE)),
    }
    details = {"shown": len(page), "found": page.paginator.count, "filters": len(filters)}
    record(action="library.listed", by=user_of(request), details=details)
    return render(request, "library/list.html", context)


@require_safe
@require(Action.BROWSE_LIBRARY)
def sources(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "library/sources.html",
        {
            "rows": collection_counts(
                LibraryItem.objects.viewable_by(user_of(request)), Gamut.objects.viewable_by(user_of(request))
            )
        },
    )


@require_safe
@require(Action.BROWSE_LIBRARY)
def gamuts(request: HttpRequest) -> HttpResponse:
    words = SearchForm(request.GET).wanted()["q"]
    rows = Gamut.objects.viewable_by(user_of(request)).select_related("collection")
    for word in words.split():
        rows = rows.filter(Q(finding__icontains=word) | Q(region__icontains=word) | Q(diagnoses__icontains=word))
    page = Paginator(rows, GAMUTS_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "library/gamuts.html", {"page_obj": page, "q": words})


@require_safe
@require(Action.BROWSE_LIBRARY)
def item(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(LibraryItem.objects.viewable_by(user_of(request)), pk=pk)
    return redirect("library:case" if found.kind == Kind.CASE else "library:document", pk=pk)


@require_safe
@require(Action.BROWSE_LIBRARY)
def case(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Case.objects.viewable_by(user_of(request)).select_related("collection", "owner").prefetch_related("images")
    found = get_object_or_404(rows, pk=pk)
    span = cited_span(request.GET, len(found.text))
    blocks = [(block, pieces(block.text, block.start, span)) for block in case_blocks(found)]
    folded = [(block, parts) for block, parts in blocks if block.heading not in PRESENTED]
    record(action="library.viewed", by=user_of(request), obj=found)
    context = {
        "case": found,
        "images": found.images.all(),
        "presented": [(block, parts) for block, parts in blocks if block.heading in PRESENTED],
        "folded": folded,
        "fold_open": any(piece.cited for _, parts in folded for piece in parts),
        "missed": span is None and "start" in request.GET,
        "standing": standing_of(found, user_of(request)),
    }
    return render(request, "library/case.html", context)


@require_safe
@require(Action.BROWSE_LIBRARY)
def document(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Document.objects.viewable_by(user_of(request)).select_related("collection", "owner")
    found = get_object_or_404(rows, pk=pk)
    span = cited_span(request.GET, len(found.text))
    record(action="library.viewed", by=user_of(request), obj=found)
    context = {
        "document": found,
        "sections": sections(found.text, span),
        "cited": span,
        "missed": span is None and "start" in request.GET,
        "standing": standing_of(found, user_of(request)),
        "page": page_of(found.pages, span[0]) if span else None,
    }
    return render(request, "library/document.html", context)


@require_safe
@require(Action.BROWSE_LIBRARY)
def image(request: HttpRequest, pk: int, frame: int = 0) -> HttpResponseBase:
    visible = open_to(user_of(request)).values("pk")
    found = get_object_or_404(CaseImage.objects.select_related("case").filter(case_id__in=visible), pk=pk)
    try:
        response = picture_response(request, found, frame)
    except (OSError, ValueError, IndexError, UnreadableError) as error:
        raise Http404 from error
    # The small ones belong to the list or the page that holds them, which is recorded.
    if not is_small(request):
        record(action="library.image_viewed", by=user_of(request), obj=found.case, details={"image": found.pk})
    return response


@require_POST
@require(Action.PUBLISH)
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(LibraryItem.objects.viewable_by(user_of(request)), pk=pk)
    try:
        services.item_publish(item=found, by=user_of(request))
    except services.StateError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Published. It can be found and cited once the index is brought up to date.")
    return redirect("library:item", pk=pk)


@require_POST
@require(Action.PUBLISH)
def unpublish(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(LibraryItem.objects.viewable_by(user_of(request)), pk=pk)
    try:
        services.item_unpublish(item=found, by=user_of(request))
    except services.StateError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Withdrawn. Nothing finds it; consultations that cite it keep what they read.")
    return redirect("library:item", pk=pk)
