"""A piece of evidence as the page shows it: its cited spans marked, and what has become of its source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.urls import reverse

from cdss.accounts.models import User
from cdss.consultations.models import Answer, Citation, Consultation, Evidence
from cdss.consultations.reads import quarantined
from cdss.consultations.spans import Segment, Spans, excerpt, segments
from cdss.library.disputes import standing_disputes
from cdss.library.models import CaseImage, Kind, LibraryItem, State
from cdss.library.recalls import standing_recalls
from cdss.library.standing import Dispute, Recall
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked
from cdss.numbers import whole_number

CURRENT = ("", "current", "active", "published")
# Said by its badge already.
SYNTHETIC = ("synthetic", "digest")
COSINES = (("dense", "text"), ("image", "image"))


@dataclass(frozen=True, slots=True)
class EvidenceView:
    row: Evidence
    segments: Sequence[Segment]
    cited: Spans
    # "", "changed", "gone" or "retired"
    source: str
    # Whether the reader may open the source.
    is_open: bool
    images: Sequence[CaseImage]
    # Whether a statement that rests on it pulls against another one.
    is_conflicting: bool = False
    # What has been said of its source since, whatever the frozen text says.
    recall: Recall | None = None
    disputes: Sequence[Dispute] = ()
    is_quarantined: bool = False

    @property
    def number(self) -> int:
        number = whole_number(self.row.label[1:])
        return self.row.rank if number is None else number

    def disputes_of(self, quote: str) -> list[Dispute]:
        """Those that meet the quoted words, or the whole source."""
        return [each for each in self.disputes if not each.quote or each.quote in quote or quote in each.quote]

    def warning(self, quote: str) -> str:
        """A few words for the citation itself."""
        disputed = sum(len(each.votes.all()) for each in self.disputes_of(quote))
        said = [self.recall.get_kind_display()] if self.recall else []
        return "; ".join([*said, *([f"Disputed by {disputed}"] if disputed else [])])

    @property
    def quotes(self) -> list[str]:
        return [self.row.text[start:end] for start, end in self.cited]

    @property
    def is_long(self) -> bool:
        return any(segment.far for segment in self.segments)

    @property
    def start(self) -> int:
        """Where the source is opened: at the first cited span, in offsets of the item."""
        return self.row.item_start + (self.cited[0][0] if self.cited else 0)

    @property
    def end(self) -> int:
        return self.row.item_start + (self.cited[0][1] if self.cited else len(self.row.text))

    @property
    def address(self) -> str:
        if not self.is_open:
            return ""
        name = "library:case" if self.row.kind == Kind.CASE else "library:document"
        return f"{reverse(name, args=[self.row.item_id])}?start={self.start}&end={self.end}#cited"

    @property
    def url(self) -> str:
        """The publisher's page. Anything but a web address is not followed."""
        url = str(self.row.details.get("url") or "")
        return url if url.startswith(("https://", "http://")) else ""

    @property
    def kind_label(self) -> str:
        return str(Kind(self.row.kind).label) if self.row.kind in Kind.values else self.row.kind

    @property
    def published(self) -> str:
        details = self.row.details
        parts = (str(details.get("published") or "")[:4], details.get("journal") or details.get("publisher"))
        return " · ".join(str(part) for part in parts if part)

    @property
    def status(self) -> str:
        status = str(self.row.details.get("status") or "")
        known = (*CURRENT, *SYNTHETIC) if self.row.details.get("synthetic") else CURRENT
        return "" if status.lower() in known else status

    @property
    def synthetic(self) -> str:
        if not self.row.details.get("synthetic"):
            return ""
        return "synthetic digest" if self.row.details.get("status") == "digest" else "synthetic"

    @property
    def reference(self) -> str:
        details = self.row.details
        if details.get("reference"):
            return str(details["reference"])
        date = str(details.get("published") or "")[:10]
        parts = (details.get("authors"), self.row.title, details.get("journal"), date)
        return ". ".join(str(part).rstrip(".") for part in parts if part) + "."

    @property
    def similarity(self) -> str:
        """Cosines, named when there are several."""
        found = [(self.row.scores[key], name) for key, name in COSINES if self.row.scores.get(key) is not None]
        if len(found) == 1:
            return f"{found[0][0]:.2f}"
        return " · ".join(f"{value:.2f} {name}" for value, name in found)

    @property
    def first_image(self) -> str:
        return self.images[0].small_url if self.images else ""


def citations_of(answer: Answer | None, *, conflicting: bool = False) -> Iterable[Citation]:
    """All of them, or those of conflicting statements alone."""
    if answer:
        for diagnosis in answer.diagnoses.all():
            for statement in diagnosis.statements.all():
                if statement.conflicts or not conflicting:
                    yield from statement.citations.all()


def evidence_views(consultation: Consultation, answer: Answer | None, user: User) -> list[EvidenceView]:
    rows = list(consultation.evidence.all())
    items = [row.item_id for row in rows if row.item_id]
    rows_of_items = LibraryItem.objects.filter(pk__in=items).values_list("pk", "content_hash", "recalled", "state")
    known = {pk: (content_hash, recalled, state) for pk, content_hash, recalled, state in rows_of_items}
    hashes = {pk: content_hash for pk, (content_hash, _, _) in known.items()}
    recalls = standing_recalls(pk for pk, (_, recalled, _) in known.items() if recalled)
    retired = {pk for pk, (_, _, state) in known.items() if state == State.RETIRED}
    disputes = standing_disputes(items) if items else {}
    seen = set(LibraryItem.objects.viewable_by(user).filter(pk__in=items).values_list("pk", flat=True))
    images: dict[int, list[CaseImage]] = {}
    with_images = () if is_locked(Mode.TEXT_ONLY) else seen
    for image in CaseImage.objects.filter(case_id__in=with_images).order_by("case_id", "position"):
        images.setdefault(image.case_id, []).append(image)
    spans: dict[int, set[tuple[int, int]]] = {}
    for citation in citations_of(answer):
        spans.setdefault(citation.evidence_id, set()).add((citation.start, citation.end))
    views = [_view(row, sorted(spans.get(row.pk, ())), hashes, seen, images) for row in rows]
    conflicting = {citation.evidence_id for citation in citations_of(answer, conflicting=True)}
    bad = quarantined(consultation)
    return [
        replace(
            view,
            is_conflicting=view.row.pk in conflicting,
            is_quarantined=view.row.pk in bad,
            source="retired" if view.row.item_id in retired else view.source,
            recall=recalls.get(view.row.item_id or 0),
            disputes=[each for each in disputes.get(view.row.item_id or 0, ()) if each.quote in view.row.text],
        )
        for view in views
    ]


def _view(
    row: Evidence, cited: Spans, hashes: dict[int, str], seen: set[int], images: dict[int, list[CaseImage]]
) -> EvidenceView:
    item = row.item_id or 0
    current = hashes.get(item)
    return EvidenceView(
        row=row,
        segments=segments(row.label, row.text, cited, near=excerpt(row.text, cited)),
        cited=cited,
        source="gone" if current is None else "" if current == row.item_hash else "changed",
        is_open=item in seen,
        # The image that was found comes first.
        images=sorted(images.get(item, []), key=lambda image: image.pk != row.image_id),
    )
