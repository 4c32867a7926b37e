"""Jobs run in the test's own process, where a test has to stand in for a model."""

import importlib
import os
from typing import Any

from retrieval.sandbox.protocol import Part
from retrieval.sandbox.sources import File, Source, descriptor_of


def read_here(job: str, source: Source, **args: Any) -> Part:
    module, _, function = job.partition(":")
    limits = {"max_bytes": 10**8, "max_pixels": 10**7}
    descriptor = descriptor_of(source)
    try:
        made = getattr(importlib.import_module(module), function)({"limits": limits, **args}, File(descriptor))
        return made if isinstance(made, Part) else next(iter(made))
    finally:
        os.close(descriptor)
