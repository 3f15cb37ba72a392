"""Fixtures of the tests of policies: those of the SQL tests."""

from sql.conftest import lake, refused

__all__ = ["lake", "refused"]
