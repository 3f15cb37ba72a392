"""Fixtures of the merge tests: those of the row tests, so that lineage is checked after each."""

from rows.conftest import lake, lineage_holds, refused, reused, write_mode

__all__ = ["lake", "lineage_holds", "refused", "reused", "write_mode"]
