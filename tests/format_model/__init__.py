"""The format as SPEC.md tells it, in Python and without a look at the Scala: a second implementation.

`FUNCTIONS` holds the same pure functions that `tests/scala/VectorRunner.scala` calls, by the same names.
What the format refuses is a `Refused`.
"""

from __future__ import annotations

from .canonical import Refused
from .functions import FUNCTIONS

__all__ = ["FUNCTIONS", "Refused"]
