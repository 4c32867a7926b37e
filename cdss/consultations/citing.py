"""Which stored consultations cite an item of the library."""

from cdss.consultations.models import Consultation, Evidence
from cdss.library.models import LibraryItem
from cdss.library.recalls import CitedIn


def consultations_citing(item: LibraryItem) -> list[CitedIn]:
    """Those whose answer can be read: of one that is withheld, its owner must not learn what it cites."""
    cited = Evidence.objects.filter(item=item.pk, citations__isnull=False).values("consultation")
    found = Consultation.objects.filter(pk__in=cited).select_related("user").order_by("pk")
    revealed = found.exclude(commit_first=True, committed__isnull=True)
    return [CitedIn("consultation", str(row), row.get_absolute_url(), (row.user,)) for row in revealed]
