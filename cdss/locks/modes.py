"""Which locked modes hold now, and the refusal of what they do not allow."""

from django.conf import settings
from django.core.management.base import CommandError

from cdss.locks.models import Mode, SiteLock

REFUSALS = {
    Mode.TEXT_ONLY: "This site is locked to text: images are neither taken, shown nor searched.",
    Mode.EDUCATION: "This site is locked to education: no case is typed or uploaded. Start from a case of the library.",
    Mode.READ_ONLY: "This site is read-only at present: nothing is changed. An administrator can say until when.",
}

MEANINGS = {
    Mode.TEXT_ONLY: "No image analysis at all: uploads of images are refused, image search is off, no image is shown.",
    Mode.EDUCATION: "No new patient data: a consultation starts from a case of the library, nothing is uploaded.",
    Mode.READ_ONLY: "Nothing is changed, by nobody, nor by commands. Signing in works, and the audit trail goes on.",
}


class LockedError(CommandError):
    """On a page it is an answer with the reason; on the command line, a line and exit code 1."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        super().__init__(REFUSALS[mode])


def locked_modes() -> frozenset[Mode]:
    switched = SiteLock.objects.values_list("mode", flat=True)
    return frozenset(Mode(mode) for mode in {*settings.LOCKED_MODES, *switched})


def is_locked(mode: Mode) -> bool:
    return mode in settings.LOCKED_MODES or SiteLock.objects.filter(mode=mode).exists()


def refuse_in(mode: Mode) -> None:
    """Raises LockedError when this mode holds."""
    if is_locked(mode):
        raise LockedError(mode)
