"""Every suite by its name."""

from collections.abc import Callable, Mapping

from cdss.evaluation.figures import Result
from cdss.evaluation.suites import (
    calibration,
    deidentification,
    differential,
    gate,
    images,
    regions,
    segmentation,
    subgroups,
    topics,
)
from cdss.evaluation.workbench import Workbench

SUITES: Mapping[str, Callable[[Workbench], Result]] = {
    "topics": topics.run,
    "differential": differential.run,
    "images": images.run,
    "gate": gate.run,
    "calibration": calibration.run,
    "subgroups": subgroups.run,
    "deidentification": deidentification.run,
    "regions": regions.run,
    "segmentation": segmentation.run,
}
EVERY = "all"
# Measured only when asked for by name: they take minutes and none of the consultations.
APART = frozenset({"regions", "segmentation"})
# They look at nothing but images: not run while the site is locked to text.
OF_IMAGES = frozenset({"images", "regions", "segmentation"})
