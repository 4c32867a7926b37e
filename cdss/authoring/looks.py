"""Pictures of other cases that are the same to the eye, found by the worker and kept until a reviewer asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from cdss.authoring.models import Look, Manuscript, Picture, SameLook
from cdss.library.models import CaseImage
from cdss.locks.models import Mode
from cdss.locks.modes import is_locked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]

# Of one picture, the nearest prints that are looked at.
MOST_LOOKED_AT = 20
KEPT = 64
# Of one task, so that what else waits for the worker comes between; those a reviewer waits for first.
AT_ONCE = 50


def looks_soon() -> None:
    """When the transaction is through, by the worker."""
    from cdss.authoring.tasks import compare_looks

    transaction.on_commit(lambda: compare_looks.enqueue())


def looks_make() -> int:
    """Compares pictures that were not compared yet with all that were, and returns how many. It can be stopped."""
    if is_locked(Mode.TEXT_ONLY):
        return 0
    new: list[Picture | CaseImage] = list(Picture.objects.filter(look=None).order_by("pk")[:AT_ONCE])
    new += CaseImage.objects.filter(look=None).order_by("pk")[: AT_ONCE - len(new)]
    if not new:
        return 0
    album = _Album()
    for each in new:
        album.add(each)
    if len(new) == AT_ONCE:
        looks_soon()
    return len(new)


def uncompared(manuscript: Manuscript) -> int:
    """How many pictures wait: its own, and those of the library that it was not compared with."""
    own = manuscript.pictures.filter(pk__in=_shown(manuscript), look=None)
    return own.count() + CaseImage.objects.filter(look=None).count()


def alike(manuscript: Manuscript) -> dict[int, int]:
    """How many pictures of the working text look like one of each other case."""
    mine = Look.objects.filter(picture__in=_shown(manuscript))
    pairs = SameLook.objects.filter(Q(one__in=mine) | Q(other__in=mine)).select_related(
        "one__picture__manuscript", "one__image", "other__picture__manuscript", "other__image"
    )
    own, found = set(mine.values_list("pk", flat=True)), defaultdict(set)
    for pair in pairs:
        ours, theirs = (pair.one, pair.other) if pair.one_id in own else (pair.other, pair.one)
        found[theirs.case_id].add(ours.pk)
    return {case: len(ours) for case, ours in found.items() if case != manuscript.case_id}


def _shown(manuscript: Manuscript) -> list[int]:
    return [each["picture"] for each in manuscript.content["images"]]


class _Album:
    """All prints, and the pictures that were looked at last."""

    def __init__(self) -> None:
        import numpy as np

        from retrieval.looks import WINDOWS

        rows = Look.objects.exclude(bits=b"").select_related("picture__manuscript", "image")
        self.looks = list(rows)
        held = [np.frombuffer(bytes(look.bits), dtype="<u8") for look in self.looks]
        self.prints = np.stack(held) if held else np.zeros((0, WINDOWS), dtype=np.uint64)
        self.seen: dict[int, Grey | None] = {}
        self.decided: dict[tuple[str, str], bool] = {}

    def add(self, row: Picture | CaseImage) -> None:
        """Its look and its pairs in one transaction: stopped between two pictures, nothing is compared by half."""
        import numpy as np

        from retrieval.looks import print_of

        grey = grey_of(row)
        try:
            bits = print_of(grey) if grey is not None else None
        except ValueError:
            bits = None
        about = {"picture": row} if isinstance(row, Picture) else {"image": row}
        with transaction.atomic():
            look, made = Look.objects.get_or_create(
                **about, defaults={"bits": b"" if bits is None else bits.astype("<u8").tobytes()}
            )
            if not made or bits is None or grey is None:
                return
            pairs = [SameLook(one=other, other=look) for other in self._same(look, bits, grey)]
            SameLook.objects.bulk_create(pairs)
        self.looks.append(look)
        self.prints = np.concatenate([self.prints, bits[None]])

    def _same(self, look: Look, bits: NDArray[np.uint64], grey: Grey) -> Iterator[Look]:
        import numpy as np

        from retrieval.looks import NEAR, distances, same_to_the_eye

        if not self.looks:
            return
        apart = distances(bits, self.prints)
        near = [int(at) for at in np.argsort(apart, kind="stable") if apart[at] <= NEAR]
        # What is the same to the pixel is found by its hash.
        others = [o for o in map(self.looks.__getitem__, near) if o.case_id != look.case_id and o.sha256 != look.sha256]
        for other in others[:MOST_LOOKED_AT]:
            pair = (look.sha256, other.sha256)
            if pair not in self.decided:
                theirs = self._grey(other)
                self.decided[pair] = theirs is not None and same_to_the_eye(grey, theirs)
            if self.decided[pair]:
                yield other

    def _grey(self, look: Look) -> Grey | None:
        if look.pk not in self.seen:
            if len(self.seen) >= KEPT:
                self.seen.pop(next(iter(self.seen)))
            self.seen[look.pk] = grey_of(look.row)
        return self.seen[look.pk]


def grey_of(row: Picture | CaseImage) -> Grey | None:
    """Its small picture; None where it cannot be read."""
    from io import BytesIO

    import numpy as np
    from PIL import Image

    from cdss.encryption import EncryptionError
    from cdss.library.thumbnails import thumbnail
    from retrieval.errors import UnreadableError

    try:
        with Image.open(BytesIO(thumbnail(row)), formats=["JPEG"]) as small:
            return np.asarray(small.convert("L"), dtype=np.uint8)
    except (OSError, ValueError, EncryptionError, UnreadableError):
        return None
