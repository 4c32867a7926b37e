from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from cdss.accounts.permissions import user_of
from cdss.notices import services
from cdss.notices.models import Notice

PAGE_SIZE = 30


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    found = Notice.objects.for_user(request.user)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "notices/list.html", {"page_obj": page})


@require_POST
def opened(request: HttpRequest, pk: int) -> HttpResponse:
    """Read, and on to what it tells of."""
    notice = get_object_or_404(Notice.objects.for_user(request.user), pk=pk)
    services.notice_read(notice=notice, by=user_of(request))
    return redirect(notice.path)


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    services.notices_read_all(by=user_of(request))
    return redirect("notices:list")
