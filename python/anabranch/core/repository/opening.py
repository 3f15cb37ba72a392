"""Opening and making repositories."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from anabranch.core.format.commits import Commit
from anabranch.core.format.names import MAIN, MAIN_ORDINAL, PROBES, REPOSITORY
from anabranch.core.format.repository_info import RepositoryInfo
from anabranch.core.log.environment import Environment, requests
from anabranch.core.log.replay import CatalogState
from anabranch.core.repository import travelling  # noqa: F401  has pickle know what it makes
from anabranch.core.repository.repository import Repository
from anabranch.core.repository.settings import load
from anabranch.core.store.location import open_store
from anabranch.core.store.objects import ObjectStore, Unknown
from anabranch.core.store.probe import check_store
from anabranch.core.transaction.committer import CommitContext
from anabranch.errors import AnabranchError, error


def open(
    location: str | os.PathLike[str] | ObjectStore | None = None,
    ref: str | None = None,
    *,
    storage_options: Mapping[str, Any] | None = None,
    create: bool = False,
    author: str | None = None,
) -> Repository:
    """Opens a repository.

    Args:
        location: a path, or a URI such as ``s3://bucket/lake`` or ``file:///data/lake``. Without one, what
            the command line would open here: ``ANABRANCH_REPOSITORY``, or that of an ``anabranch.toml``.
        ref: what names without a ref mean: a branch, tag or commit. Without one it is main, or with the
            location that of the same settings.
        storage_options: for the store, as obstore has them: ``{"region": "eu-central-1"}``.
        create: make one where there is none.
        author: of commits; otherwise ``ANABRANCH_AUTHOR`` of the environment, or the user's name.

    Raises:
        RepositoryNotFound, RepositoryInvalidLocation, RepositoryNoPermission, RepositoryStoreFailed,
            RepositoryUnsupportedFormat, RepositoryUnknownFeature, RefNotFound: if it can't be opened.
    """
    if location is None:
        return load(Path.cwd(), None, ref, author).open(create=create, storage_options=storage_options)
    if isinstance(location, bytes | int):
        raise TypeError(f"a location is a str or a path; {location!r} is none")
    store = open_store(location, storage_options) if isinstance(location, str | os.PathLike) else location
    repository = Repository(store, MAIN if ref is None else ref, author)
    attach(repository, create)
    return repository


def init(location: str | os.PathLike[str] | ObjectStore, **options: Any) -> Repository:
    """Makes a repository, or opens the one that is there; options are those of `open`."""
    return open(location, create=True, **options)


def attach(repository: Repository, create: bool) -> None:
    """Looks whether the repository is there, and for the head of main, at the same time."""
    store = repository.store
    asked = requests.start(lambda: store.read(REPOSITORY))
    # what a newer format has in its log is not for us to judge, so its number comes first
    main: CatalogState | AnabranchError | None
    try:
        main = repository.refs.head(MAIN)
    except AnabranchError as e:
        main = e
    data = asked.result()
    if data is None:
        if not create:
            raise error("ANABRANCH_REPOSITORY.NOT_FOUND", root=store.root)
        data = _created(store, repository.env)
    info = RepositoryInfo.decode(data, store.root)
    if isinstance(main, AnabranchError):
        raise main
    if main is None and repository.refs.head(MAIN) is None:
        _begin(repository, info.id)  # whoever created it may have died before this
    if repository.ref != MAIN:
        repository.resolved()


def _created(store: ObjectStore, env: Environment) -> bytes:
    check_store(store, PROBES, env.new_id())
    outcome = store.create(REPOSITORY, RepositoryInfo(env.new_id(), env.now()).encode())
    there = store.read(REPOSITORY)
    if there is None:
        reason = outcome.cause if isinstance(outcome, Unknown) else "it is gone again"
        raise error("ANABRANCH_REPOSITORY.STORE_FAILED", operation="create", path=REPOSITORY, reason=reason)
    return there


def _begin(repository: Repository, id: str) -> None:
    def first(c: Commit) -> Commit:
        return replace(c, operation="CREATE REPOSITORY", repository=id, namespaces={("default",): {}})

    repository.committer.open_log(MAIN_ORDINAL, MAIN, None, first, CommitContext("anabranch"))
