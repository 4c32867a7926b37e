"""Every suite by its name."""

from collections.abc import Callable, Mapping

from cdss.evaluation.figures import Result
from cdss.evaluation.suites import differential, topics
from cdss.evaluation.workbench import Workbench

SUITES: Mapping[str, Callable[[Workbench], Result]] = {
    "topics": topics.run,
    "differential": differential.run,
}
EVERY = "all"
