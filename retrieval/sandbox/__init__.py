"""Untrusted files are read in child processes that hold nothing, can write nothing, and have little to spend.

`Pool` is the door: it hands files over as descriptors, and gets JSON and bytes back. A child that dies, hangs or takes
too much memory costs the one file it was reading.
"""

from retrieval.sandbox.pool import Item, Pool
from retrieval.sandbox.protocol import Part
from retrieval.sandbox.spending import Spending

__all__ = ["Item", "Part", "Pool", "Spending"]
