"""What other apps do in the transaction in which an answer can be read for the first time."""

from collections.abc import Callable

from cdss.consultations.models import Consultation

# Apps add to it when they are ready; this one knows none of them.
WHEN_SHOWN: list[Callable[[Consultation], None]] = []


def answer_shown(consultation: Consultation) -> None:
    for act in WHEN_SHOWN:
        act(consultation)
