"""A mask proposed from 1, 4 and 16 masked images, on phantoms whose masks are the geometry they are drawn with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cdss.evaluation.figures import PRODUCT, Asked, Result
from cdss.evaluation.workbench import Workbench
from cdss.indexing.encoding.patches import patch_encoder
from cdss.library.phantoms.masked import STRUCTURES, MaskedPhantom, Structure, masked_phantom

if TYPE_CHECKING:
    from retrieval.types import PatchEncoder

SUPPORTS = (1, 4, 16)
# New images for each structure; none of them is a support.
HELD_OUT = 8
MEAN_MASK = "mean of the masks"
MEASURE = "Dice, {} masked image{}"


def run(bench: Workbench) -> Result:
    encoder = patch_encoder()
    held_out = min(HELD_OUT, bench.limit or HELD_OUT)
    rows = [
        row
        for structure in bench.each(STRUCTURES, "structures")
        for row in _measured(structure, encoder, seed=bench.seed, held_out=held_out)
    ]
    result = Result(notes=[_note(encoder, held_out)])
    for count in SUPPORTS:
        of_count = [row for row in rows if row["supports"] == count]
        # Each image is on its own: no two show one patient.
        asked = Asked(np.arange(len(of_count), dtype=np.int64), bench.seed)
        measure = MEASURE.format(count, "" if count == 1 else "s")
        for system in (PRODUCT, MEAN_MASK):
            result.figures += asked.mean(measure, system, [row[system] for row in of_count])
    result.tables["structures"] = [
        {"structure": structure.name, "supports": count}
        | {system: _mean(rows, structure.name, count, system) for system in (PRODUCT, MEAN_MASK)}
        for structure in STRUCTURES
        for count in SUPPORTS
    ]
    return result


def _measured(structure: Structure, encoder: PatchEncoder, *, seed: int, held_out: int) -> list[dict[str, Any]]:
    from retrieval.segmentation import Support, dice, mean_mask, propose_mask

    made = [masked_phantom(structure, seed * 1000 + number) for number in range(max(SUPPORTS) + held_out)]
    maps = encoder.patches([each.pixels for each in made], fine=True)
    known = [Support(patches, each.mask) for patches, each in zip(maps, made, strict=True)][: max(SUPPORTS)]
    rows = []
    for count in SUPPORTS:
        for place in range(max(SUPPORTS), len(made)):
            new: MaskedPhantom = made[place]
            height, width = new.mask.shape
            proposed = propose_mask(new.pixels, maps[place], known[:count])
            average = mean_mask([each.mask for each in known[:count]], width=width, height=height)
            figures = {PRODUCT: dice(proposed, new.mask), MEAN_MASK: dice(average, new.mask)}
            rows.append({"structure": structure.name, "supports": count, **figures})
    return rows


def _mean(rows: list[dict[str, Any]], structure: str, count: int, system: str) -> float:
    chosen = [row[system] for row in rows if row["structure"] == structure and row["supports"] == count]
    return round(float(np.mean(chosen)), 4)


def _note(encoder: PatchEncoder, held_out: int) -> str:
    return (
        f"Synthetic: {len(STRUCTURES)} structures of phantoms, each picture bent, turned, scaled and moved by its own "
        f"seed; {held_out} new pictures of each. Phantoms are cleaner than images of patients, so these figures say "
        f"that the method works, not how well it does on a site's own images. Patches of {encoder.patches_version}."
    )
