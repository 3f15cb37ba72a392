"""Fixtures of the tests of policies: those of the SQL tests."""

from sql.conftest import lake

__all__ = ["lake"]
