"""Which repository is meant where none is named: that of the environment, or of an ``anabranch.toml``."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.errors import error

if TYPE_CHECKING:
    from anabranch.core.repository.repository import Repository

FILE = "anabranch.toml"


@dataclass
class Settings:
    """Where something is to be found.

    Attributes:
        repository: where it lies.
        ref: what names without a ref mean; a commit there pins all that is read.
        storage_options: for the store.
        author: of commits.
        file: the ``anabranch.toml`` that says so.
    """

    repository: str | None = None
    ref: str = "main"
    storage_options: Mapping[str, Any] = field(default_factory=dict)
    author: str | None = None
    file: Path | None = None

    def open(
        self,
        ref: str | None = None,
        create: bool = False,
        storage_options: Mapping[str, Any] | None = None,
    ) -> Repository:
        """The repository.

        Args:
            ref: instead of the one here.
            create: make it where there is none.
            storage_options: instead of those here.

        Raises:
            RepositoryInvalidLocation: if none is named.
        """
        from anabranch.core.repository.opening import open

        if self.repository is None:
            reason = f"no repository is named: give one, or ANABRANCH_REPOSITORY, or {FILE}"
            raise error("ANABRANCH_REPOSITORY.INVALID_LOCATION", location="", reason=reason)
        return open(
            self.repository,
            self.ref if ref is None else ref,
            storage_options=self.storage_options if storage_options is None else storage_options,
            create=create,
            author=self.author,
        )


def load(
    start: Path, repository: str | None = None, ref: str | None = None, author: str | None = None
) -> Settings:
    """Settings: what is given comes first, then the environment, then the file.

    Args:
        start: the folder from which the file is looked for, upwards.
        repository: that is given.
        ref: that is given.
        author: that is given.

    Raises:
        RepositoryInvalidLocation: for a file that can't be read.
    """
    file = next((f / FILE for f in [start, *start.parents] if (f / FILE).is_file()), None)
    told = _read(file) if file else {}
    location = told.get("repository")
    if file and isinstance(location, str) and "://" not in location and not location.startswith("file:/"):
        location = str((file.parent / Path(location).expanduser()).resolve())
    environment = os.environ.get("ANABRANCH_REPOSITORY")
    named = os.environ.get("ANABRANCH_REF") or told.get("commit") or told.get("ref") or "main"
    return Settings(
        repository or environment or location,
        named if ref is None else ref,  # an empty one is asked for by mistake, and is none
        told.get("storage_options", {}) if not (repository or environment) else {},
        author or told.get("author"),
        file,
    )


def _read(file: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        found: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        for name in ("repository", "ref", "commit", "author"):
            if not isinstance(found.get(name, ""), str):
                raise ValueError(f"{name} is no text")
        return found
    except (ValueError, OSError) as e:
        raise error(
            "ANABRANCH_REPOSITORY.INVALID_LOCATION", location=file, reason=f"it can't be read ({e})"
        ) from e
