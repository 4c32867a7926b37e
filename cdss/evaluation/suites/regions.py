"""From a region of an image to other cases, beside the whole image: phantoms, and the library's own images."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cdss.consultations.exclusion import own_items
from cdss.evaluation.figures import PRODUCT, Asked, Result
from cdss.evaluation.suites.images import CHANCE, concept_key
from cdss.evaluation.suites.nearest import image_vectors
from cdss.evaluation.suites.region_boxes import Finding, centre_box, demonstration_findings, odd_box
from cdss.evaluation.workbench import Workbench
from cdss.indexing.encoding.encoders import image_encoder
from cdss.indexing.encoding.patches import frame_pixels, patch_encoder, patches_of, patches_state, regions_search
from cdss.library.models import CaseImage, State

if TYPE_CHECKING:
    from retrieval.types import Box, PatchMap, Vectors

DEPTH = 5
WHOLE = "whole image"
FINDING = "demonstration, same kind of finding P@5, box on the finding"
BOXES: Mapping[str, Callable[[PatchMap], Box]] = {"centre half": centre_box, "least like its mirror image": odd_box}
OWN = "same diagnosis P@5, box: {}"


def run(bench: Workbench) -> Result:
    result = Result()
    _findings(bench, result)
    _own_images(bench, result)
    return result


def _findings(bench: Workbench, result: Result) -> None:
    """The box is known here: it is what the phantom's finding changed."""
    from retrieval.patches import projected
    from retrieval.regions import Candidate, search_regions

    found = [each for each in demonstration_findings() if each.kinds]
    names = sorted({each.case for each in found})
    groups = [names.index(each.case) for each in found]
    maps = [projected(patches) for patches in patch_encoder().patches([each.pixels for each in found])]
    vectors = image_encoder().encode([each.pixels for each in found])
    everyone = [Candidate(place, groups[place], maps[place]) for place in range(len(found))]
    rows: dict[str, list[float]] = defaultdict(list)
    asked = []
    for place, each in enumerate(bench.each(found, "findings")):
        others = [candidate for candidate in everyone if candidate.group != groups[place]]
        alike = _alike(each, found, groups, place)
        if not alike:
            continue
        asked.append(groups[place])
        hits = [hit.group for hit in search_regions(maps[place], each.box, [others], k=DEPTH)]
        rows[PRODUCT].append(_precision(hits, alike))
        rows[WHOLE].append(_precision(_nearest(vectors[place], vectors, groups, {groups[place]}), alike))
        rows[CHANCE].append(min(len(alike) / (len(names) - 1), 1.0) * DEPTH / min(DEPTH, len(alike)))
    measured = Asked(np.array(asked, dtype=np.int64), bench.seed)
    for system, values in rows.items():
        result.figures += measured.mean(FINDING, system, [min(value, 1.0) for value in values])
    result.notes.append(
        f"Of {len(found)} phantoms {len(asked)} have the kind of their finding in another case. Precision is counted "
        "of as many of the first five cases as there are with that kind, at most five. Synthetic."
    )


def _own_images(bench: Workbench, result: Result) -> None:
    """Nobody has drawn a box on these: it is put in the middle, or where an image is least like its mirror image."""
    if not patches_state().done:
        result.notes.append("The library's own images are not asked: run manage.py build_index --patches first.")
        return
    labels = _labels()
    cases = dict(CaseImage.objects.filter(case__state=State.PUBLISHED).values_list("pk", "case_id"))
    stored = image_vectors(cases)
    images = [image for image, vectors in stored.items() for _ in vectors]
    owners = [cases[image] for image in images]
    if not images:
        result.notes.append("The library's own images have no vectors: run manage.py build_index.")
        return
    vectors = np.stack([vector for of_image in stored.values() for vector in of_image])
    rows: dict[tuple[str, str], list[float]] = defaultdict(list)
    asked = []
    for image in bench.each(_asking(bench, stored, labels), "regions"):
        case = image.case_id
        left_out = {int(pk) for pk in own_items(image.case.source_id)} | {case}
        alike = {pk for pk, label in labels.items() if label == labels[case]} - left_out
        if not alike:
            continue
        asked.append(case)
        pixels = frame_pixels(image, 0, masked=image.case.collection.mask_overlays)
        patches = patches_of(pixels)
        whole = _nearest(stored[image.pk][0], vectors, owners, left_out)
        others = len(set(owners) - left_out - {case})
        for name, choose in BOXES.items():
            hits, _ = regions_search(user=None, pixels=pixels, box=choose(patches), excluded=left_out, k=DEPTH)
            measure = OWN.format(name)
            rows[measure, PRODUCT].append(_precision([hit.group for hit in hits], alike))
            rows[measure, WHOLE].append(_precision(whole, alike))
            rows[measure, CHANCE].append(min(1.0, len(alike) / max(others, 1) * DEPTH / min(DEPTH, len(alike))))
    if not asked:
        result.notes.append("No image of the library has its diagnosis in another case.")
        return
    measured = Asked(np.array(asked, dtype=np.int64), bench.seed)
    for (measure, system), values in rows.items():
        result.figures += measured.mean(measure, system, values)
    result.notes.append(
        "Of the library's own images nobody has said where the finding is. The box is the middle half of the image, or "
        "the window of a third whose patches are least like the mirrored ones: neither is where a reader would draw it."
    )


def _asking(bench: Workbench, stored: Mapping[int, object], labels: Mapping[int, str]) -> list[CaseImage]:
    """Images whose case says what it is, at most as many as the run has cases, drawn with its seed."""
    told = [case for case, label in labels.items() if label]
    rows = CaseImage.objects.filter(pk__in=stored, case_id__in=told).select_related("case__collection").order_by("pk")
    found = list(rows)
    if bench.limit is None or bench.limit >= len(found):
        return found
    chosen = sorted(random.Random(bench.seed).sample(range(len(found)), bench.limit))
    return [found[place] for place in chosen]


def _labels() -> dict[int, str]:
    rows = CaseImage.objects.filter(case__state=State.PUBLISHED).values_list(
        "case_id", "case__diagnosis", "case__topic_title"
    )
    return {case: concept_key(diagnosis or topic) for case, diagnosis, topic in rows.distinct()}


def _alike(each: Finding, found: Sequence[Finding], groups: Sequence[int], place: int) -> set[int]:
    return {group for other, group in zip(found, groups, strict=True) if each.kinds & other.kinds} - {groups[place]}


def _precision(found: Sequence[int], alike: set[int]) -> float:
    return sum(group in alike for group in found[:DEPTH]) / min(DEPTH, len(alike))


def _nearest(query: Vectors, vectors: Vectors, owners: Sequence[int], left_out: set[int]) -> list[int]:
    """The first DEPTH cases by their nearest whole image."""
    found: list[int] = []
    for row in np.argsort(-(vectors @ query), kind="stable").tolist():
        if owners[row] not in left_out and owners[row] not in found:
            found.append(owners[row])
        if len(found) == DEPTH:
            break
    return found
