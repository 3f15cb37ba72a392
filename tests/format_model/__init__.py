"""The Python half behind the functions of the vectors: `FUNCTIONS` by the names of tests/scala/VectorRunner.scala.

What the format refuses is an `AnabranchError`.
"""

from __future__ import annotations

from .functions import FUNCTIONS

__all__ = ["FUNCTIONS"]
