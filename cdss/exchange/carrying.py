"""Keeping what an imported file said beyond the fields of its case, without what could tell who the patient is."""

from collections.abc import Sequence
from typing import Any

from cdss.exchange.formats import element_field, read_values
from cdss.exchange.models import Carried
from cdss.exchange.values import case_values
from cdss.library.case_images import digests_of
from cdss.library.date_shift import DateShift
from cdss.library.deidentify import deidentify
from cdss.library.importers.xml_tree import Tree, element_of, text_of_tree, tree_of
from cdss.library.keepers import Arrived
from cdss.library.models import Case
from cdss.library.rows import shown_age
from cdss.library.services import shift_of

# Of authors, sources and rights, not of a patient: taken as they are, as in the fields of a case.
AS_SAID = frozenset({
    "author", "authorization", "references", "reference", "rights", "keywords", "category", "access", "peer-review",
    "publication-date", "revision-author", "revision-date", "level", "modality", "organ-system", "pathology", "anatomy",
})  # fmt: skip
AS_SAID_CODES = frozenset({"TCE101", "TCE102", "TCE103", "TCE105"})
# Whole blocks about a patient or a study.
DROPPED = frozenset({"phi"})
PATIENT = "pt-"
KEPT_OF_PATIENT = frozenset({"pt-age", "pt-sex"})
# Text in them reads on: an identifier may begin in one and end in the next.
INLINE = frozenset(
    {"b", "i", "u", "em", "strong", "span", "sub", "sup", "font", "a", "href", "br", "tt", "code", "term"}
)
NAMING = frozenset({"src", "role", "code", "scheme", "value", "value-scheme", "display", "ansopt"})


def carry(arrived: Arrived) -> Sequence[str]:
    case, row = arrived.case, arrived.row
    Carried.objects.filter(case=case).delete()
    if not row.carried:
        return ()
    shift = shift_of(row)
    tree = deidentified(row.carried["tree"], shift)
    files = {name: deidentified(file, shift) for name, file in row.carried.get("files", {}).items()}
    form = row.carried["format"]
    Carried.objects.create(
        case=case,
        format=form,
        tree=without_changed(form, tree, case),
        files=files,
        images=digests_of(row.images, arrived.images),
    )
    return ()


def without_changed(form: str, tree: Tree, case: Case) -> Tree:
    """The tree without the elements of fields whose value is another in the case: what was taken out of a case must
    not live on beside it."""
    root = element_of(tree)
    said, held = read_values(form, root), case_values(case)
    changed = {name for name in held if name in said and said[name] != held[name]}

    def prune(parent: Any, top: bool) -> None:
        for element in list(parent):
            if element_field(form, element, top=top) in changed:
                parent.remove(element)
            else:
                prune(element, False)

    prune(root, True)
    return tree_of(root)


def deidentified(tree: Tree, shift: DateShift | None) -> Tree:
    tag, attributes, children = tree
    name = tag.rpartition("}")[2]
    if name in AS_SAID or attributes.get("code") in AS_SAID_CODES:
        return tree
    kept = {key: value if key in NAMING else _clean(value, shift) for key, value in attributes.items()}
    if name == "pt-age":
        age = " ".join(text_of_tree(tree).split())
        return tree if shown_age(age) == age else [tag, kept, [shown_age(age)]]
    if all(isinstance(child, str) or _is_inline(child) for child in children):
        return [tag, kept, _clean_block(tree, shift)]
    inner: Tree = []
    for child in children:
        if isinstance(child, str):
            inner.append(_clean(child, shift))
        elif not _is_of_patient(child[0].rpartition("}")[2].lower()):
            inner.append(deidentified(child, shift))
    return [tag, kept, inner]


def _clean(text: str, shift: DateShift | None) -> str:
    """Nobody is named in one or two characters."""
    return deidentify(text, shift=shift).text if len(text.strip()) > 2 else text


def _clean_block(tree: Tree, shift: DateShift | None) -> Tree:
    """The children of a block of running text; plain text where something had to go."""
    text = text_of_tree(tree)
    cleaned = _clean(text, shift)
    if cleaned == text:
        return [child if isinstance(child, str) else _without_marks(child, shift) for child in tree[2]]
    return [cleaned]


def _without_marks(child: Tree, shift: DateShift | None) -> Tree:
    """Its text is clean; its attributes may not be."""
    attributes = {key: value if key in NAMING else _clean(value, shift) for key, value in child[1].items()}
    return [child[0], attributes, [each if isinstance(each, str) else _without_marks(each, shift) for each in child[2]]]


def _is_of_patient(name: str) -> bool:
    return name in DROPPED or (name.startswith(PATIENT) and name not in KEPT_OF_PATIENT)


def _is_inline(child: Tree) -> bool:
    return child[0].lower() in INLINE and all(isinstance(each, str) or _is_inline(each) for each in child[2])
