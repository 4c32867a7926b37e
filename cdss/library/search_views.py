from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from cdss.accounts.permissions import Action, require, user_of
from cdss.library.forms import SavedSearchForm, SearchForm
from cdss.library.models import SavedSearch
from cdss.library.saved_searches import SearchRefusedError, search_delete, search_save


@require_POST
@require(Action.BROWSE_LIBRARY)
def save(request: HttpRequest) -> HttpResponse:
    filters = SearchForm(request.POST).filters()
    try:
        saved = search_save(by=user_of(request), name=SavedSearchForm(request.POST).name_given(), filters=filters)
    except SearchRefusedError as error:
        messages.error(request, str(error))
        return redirect(reverse("library:list", query=filters))
    messages.success(request, f"Saved as “{saved.name}”.")
    return redirect(saved)


@require_POST
@require(Action.BROWSE_LIBRARY)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(SavedSearch.objects.for_user(request.user), pk=pk)
    search_delete(search=found, by=user_of(request))
    messages.success(request, f"“{found.name}” is deleted.")
    return redirect("library:list")
