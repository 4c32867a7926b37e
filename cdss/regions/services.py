"""Masking a structure: by hand, or from a proposal that a person accepts or corrects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone

from cdss.accounts.models import User
from cdss.audit.services import record
from cdss.indexing.encoding.patches import frame_pixels, patch_encoder, patches_of
from cdss.library.models import CaseImage
from cdss.locks.models import Mode
from cdss.locks.modes import refuse_in
from cdss.regions.masks import MaskError, mask_of_runs, runs_of
from cdss.regions.models import Origin, Proposal, RegionMask, Structure

if TYPE_CHECKING:
    from cdss.regions.masks import Mask
    from retrieval.types import Pixels

# The newest ones; more were not measured to be worth their time (docs/regions.md).
MOST_SUPPORTS = 16


class RefusedError(ValueError):
    """What cannot be done; the message says why."""


def structure_create(*, name: str, note: str, by: User | None) -> Structure:
    try:
        with transaction.atomic():
            structure = Structure.objects.create(name=name.strip(), note=note.strip(), by=by)
            record(action="regions.structure_made", by=by, obj=structure)
    except IntegrityError as error:
        raise RefusedError("There is a structure of this name already: mask that one.") from error
    return structure


def supports_for(*, structure: Structure, image: CaseImage, frame: int, user: User) -> list[RegionMask]:
    """Current masks this user may see, on other frames, the newest first."""
    rows = RegionMask.objects.visible_to(user).current().filter(structure=structure, area__gt=0)
    return list(rows.exclude(image=image, frame=frame).select_related("image__case__collection")[:MOST_SUPPORTS])


def proposal_make(*, structure: Structure, image: CaseImage, frame: int, by: User) -> Proposal:
    """Raises RefusedError without a support, or when an image or the encoder does not allow it."""
    from retrieval.errors import EncoderError, ImageError
    from retrieval.segmentation import Support, propose_mask

    refuse_in(Mode.TEXT_ONLY)
    refuse_in(Mode.READ_ONLY)
    supports = supports_for(structure=structure, image=image, frame=frame, user=by)
    if not supports:
        raise RefusedError("Nothing to learn from yet: mask this structure on at least one other image first.")
    try:
        known = [Support(patches_of(_pixels(each.image, each.frame), fine=True), mask_of(each)) for each in supports]
        pixels = _pixels(image, frame)
        mask = propose_mask(pixels, patches_of(pixels, fine=True), known)
        encoder = patch_encoder().patches_version
    except (EncoderError, ImageError, MaskError) as error:
        raise RefusedError(str(error)) from error
    with transaction.atomic():
        proposal = Proposal.objects.create(
            structure=structure,
            image=image,
            frame=frame,
            runs=runs_of(mask),
            area=int(mask.sum()),
            supports=[each.pk for each in supports],
            encoder=encoder,
            by=by,
        )
        details = {"structure": structure.pk, "image": image.pk, "frame": frame, "supports": len(supports)}
        record(action="regions.proposed", by=by, obj=proposal, details=details | {"area": proposal.area})
    return proposal


def mask_save(
    *,
    structure: Structure,
    image: CaseImage,
    frame: int,
    mask: Mask,
    by: User | None,
    proposal: Proposal | None = None,
    origin: Origin = Origin.DRAWN,
) -> RegionMask:
    """Raises RefusedError for an empty mask. What another person saved meanwhile stays, as history."""
    from retrieval.segmentation import dice

    area = int(mask.sum())
    if not area:
        raise RefusedError("Nothing is masked. Draw on the image, or type the outline.")
    agreement = None
    if proposal is not None:
        proposed = mask_of(proposal)
        agreement = dice(mask, proposed)
        origin = Origin.ACCEPTED if bool((mask == proposed).all()) else Origin.CORRECTED
    with transaction.atomic():
        saved = RegionMask.objects.create(
            structure=structure,
            image=image,
            frame=frame,
            runs=runs_of(mask),
            area=area,
            origin=origin,
            proposal=proposal,
            agreement=agreement,
            by=by,
        )
        details = {"structure": structure.pk, "image": image.pk, "frame": frame, "origin": origin.value, "area": area}
        record(action="regions.mask_saved", by=by, obj=saved, details=details)
    return saved


@transaction.atomic
def mask_withdraw(*, mask: RegionMask, by: User) -> None:
    """It is no support any more; its row stays. A second time changes nothing."""
    changed = RegionMask.objects.filter(pk=mask.pk, withdrawn__isnull=True).update(
        withdrawn=timezone.now(), withdrawn_by=by
    )
    if changed:
        record(action="regions.mask_withdrawn", by=by, obj=mask, details={"structure": mask.structure_id})


def mask_of(row: Proposal | RegionMask) -> Mask:
    return mask_of_runs(row.runs, width=row.image.width, height=row.image.height)


def _pixels(image: CaseImage, frame: int) -> Pixels:
    return frame_pixels(image, frame, masked=image.case.collection.mask_overlays)
