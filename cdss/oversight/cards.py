"""The source attributes, the model card and the data card, made of the same parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet

from cdss.consultations.basis import code_sha256
from cdss.indexing.models import IndexVersion
from cdss.indexing.shown import vector_search_of
from cdss.library.models import Case, CaseImage, Collection, LibraryItem, Visibility
from cdss.library.patient_groups import NOT_STATED, age_band, sex_group
from cdss.oversight.attributes import attributes
from cdss.oversight.measured import NOT_KNOWN, Measured
from cdss.ranking.serving import active_weights
from cdss.reasoning.models import shown_name
from cdss.reasoning.prompts import prompt_sha256

MOST_NAMED = 12
OF_THE_CARD = (
    "predictive_details_output_value",
    "predictive_purpose_intended_use",
    "predictive_purpose_intended_users",
    "predictive_purpose_decision_role",
    "predictive_cautions_inappropriate_use",
    "predictive_cautions_risks",
    "predictive_development_variables",
    "predictive_fairness_approach",
    "predictive_maintenance_local_validity",
    "predictive_maintenance_local_fairness",
)


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    name: str
    value: str

    @property
    def is_known(self) -> bool:
        return self.value != NOT_KNOWN


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Card:
    title: str
    about: str
    sections: Sequence[Section]

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "sections": [
                {
                    "title": section.title,
                    "rows": [{"key": r.key, "name": r.name, "value": r.value} for r in section.rows],
                }
                for section in self.sections
            ],
        }


def source_attributes() -> Card:
    measured = Measured.now()
    sections: dict[str, list[Row]] = {}
    for each in attributes():
        sections.setdefault(each.section, []).append(Row(each.key, each.name, each.value(measured)))
    about = "31 attributes of the ranking, which was learned, and 13 of the evidence it cites (45 CFR 170.315(b)(11))."
    return Card("Source attributes", about, [Section(title, rows) for title, rows in sections.items()])


def model_card() -> Card:
    measured = Measured.now()
    known = {each.key: each for each in attributes()}
    chosen = [Row("", known[key].name, known[key].value(measured)) for key in OF_THE_CARD]
    figures = [Row("", name, value) for name, value in measured.rows()] or [Row("", "Figures", NOT_KNOWN)]
    basis = [Row("", suite, measured.basis(suite)) for suite in measured.runs]
    sections = [Section("Use", chosen), Section("Made of", list(_made_of())), Section("Measured", [*basis, *figures])]
    return Card(
        "Model card", "What answers, what it is for, and how good it was measured to be on this site.", sections
    )


def _made_of() -> Iterator[Row]:
    index = IndexVersion.objects.first()
    yield Row(
        "index", "Index", f"{index.name}, {index.passages} passages, {index.images} images" if index else NOT_KNOWN
    )
    if index and (search := vector_search_of(index)):
        yield Row("vector_search", "Vector search", search)
    yield Row("text_encoder", "Text encoder", index.text_encoder if index else NOT_KNOWN)
    yield Row("image_encoder", "Image encoder", index.image_encoder if index else NOT_KNOWN)
    weights = active_weights()
    named = f"version {weights.version}" if weights.version else "packaged"
    yield Row("weights", "Weights of the ranking, SHA-256", f"{named}, {weights.sha256}")
    yield Row("learned_from", "Learned from", f"{weights.diagnoses.ranker.learned_from} cases")
    yield Row("code", "Ranking, composer and gate, SHA-256", code_sha256())
    yield Row(
        "llm", "Language model", shown_name(settings.LLM) if settings.LLM else "None: the evidence composer alone."
    )
    yield Row("prompt", "Prompt, SHA-256", prompt_sha256())


def data_card() -> Card:
    """Of what every user of the site can see."""
    items = LibraryItem.objects.published().filter(visibility=Visibility.PUBLIC)
    cases = Case.objects.filter(pk__in=items.values("pk"))
    sections = [
        Section("Collections", list(_collections(items)) or [Row("", "Collections", NOT_KNOWN)]),
        Section("Cases", list(_cases(cases))),
        Section("Sources of texts", list(_publishers(items)) or [Row("", "Sources", NOT_KNOWN)]),
    ]
    return Card("Data card", "What the published library holds: what every answer is found in, and cites.", sections)


def _collections(items: QuerySet[LibraryItem]) -> Iterator[Row]:
    counts: dict[int, dict[str, int]] = {}
    for pk, kind, number in items.order_by().values_list("collection", "kind").annotate(Count("pk")):
        counts.setdefault(pk, {})[kind] = number
    for collection in Collection.objects.filter(pk__in=counts):
        told = ", ".join(f"{number} {kind}" for kind, number in sorted(counts[collection.pk].items()))
        notes = [*(["synthetic"] if collection.synthetic else []), *(["reference"] if collection.reference else [])]
        licence = f" · {collection.licence}" if collection.licence else " · licence not stated for the whole"
        yield Row("", collection.name, f"{told}{licence}{' · ' if notes else ''}{', '.join(notes)}")


def _cases(cases: QuerySet[Case]) -> Iterator[Row]:
    sexes: dict[str, int] = {}
    bands: dict[str, int] = {}
    for sex, years in cases.order_by().values_list("sex", "age_years").iterator(chunk_size=2000):
        band = age_band(years)
        sexes[sex_group(sex)] = sexes.get(sex_group(sex), 0) + 1
        bands[band] = bands.get(band, 0) + 1
    modalities = CaseImage.objects.filter(case__in=cases).order_by().values_list("modality").annotate(Count("pk"))
    yield Row("cases", "Cases", str(sum(sexes.values())))
    yield Row("sex", "Sex", _told(sexes))
    yield Row("age", "Age", _told(dict(sorted(bands.items()))))
    yield Row("modality", "Images by modality", _told({name or NOT_STATED: number for name, number in modalities}))
    yield Row("race", "Race, ethnicity, language", "Not held.")


def _publishers(items: QuerySet[LibraryItem]) -> Iterator[Row]:
    texts = items.filter(document__isnull=False)
    rows = texts.order_by().values_list("document__publisher", "document__journal").annotate(number=Count("pk"))
    counts: dict[str, int] = {}
    for publisher, journal, number in rows:
        counts[publisher or journal or NOT_STATED] = counts.get(publisher or journal or NOT_STATED, 0) + number
    most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    for name, number in most[:MOST_NAMED]:
        yield Row("", name, str(number))
    if len(most) > MOST_NAMED:
        yield Row("", f"{len(most) - MOST_NAMED} others", str(sum(number for _, number in most[MOST_NAMED:])))


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items()) or NOT_KNOWN


CARDS: Mapping[str, Callable[[], Card]] = {
    "source-attributes": source_attributes,
    "model-card": model_card,
    "data-card": data_card,
}
