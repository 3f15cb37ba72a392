"""Which repository and ref the command that runs means."""

from anabranch.core.repository.settings import Settings

current = Settings()
"""Of this call."""
