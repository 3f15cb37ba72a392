"""Opens the object store that a location names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from anabranch.core.store.local import LocalFolder
from anabranch.core.store.objects import ObjectStore, ObstoreStore
from anabranch.errors import AnabranchError, error

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

_FORM = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/]*)(/.*)?", re.DOTALL)
_CLIENT = (
    "allow_http",
    "allow_invalid_certificates",
    "connect_timeout",
    "default_headers",
    "http1_only",
    "http2_only",
    "pool_idle_timeout",
    "pool_max_idle_per_host",
    "proxy_ca_certificate",
    "proxy_excludes",
    "proxy_url",
    "randomize_addresses",
    "timeout",
    "user_agent",
)
_SHORT = re.compile(r"(file|s3a?|s3n|gs|az|abfss?|https?|hdfs):(?!//)", re.IGNORECASE)
_KNOWN = ("file", "s3", "s3a", "s3n", "gs", "az", "abfs", "abfss", "memory")


def open_store(location: str | os.PathLike[str], options: Mapping[str, Any] | None = None) -> ObjectStore:
    """The store whose root is the location. No request is sent to it.

    Args:
        location: a path of this machine, or a URI such as ``s3://bucket/lake`` or ``file:///data/lake``.
        options: passed to obstore, such as ``{"region": "eu-central-1"}``.

    Raises:
        RepositoryInvalidLocation: if it is no place for a repository.
    """
    text = os.fspath(location)
    if not text.strip():
        raise _invalid(text, "it is empty")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _invalid(text, "it is not in UTF-8") from None
    short = _SHORT.match(text)
    if short and text.lower().startswith("file:/"):  # as Spark writes it
        text = f"file://{text[5:]}"
    elif short:
        raise _invalid(text, f"it is not an absolute URI; write {short[1]}://")
    if "://" not in text:
        return _local(Path(text).expanduser().resolve(), text)
    found = _FORM.fullmatch(text)
    if found is None:
        raise _invalid(text, "it is not an absolute URI with a scheme")
    scheme, authority, path = found[1].lower(), found[2], found[3] or ""
    if any(c in text for c in "?#\\") or any(c < " " for c in text):
        raise _invalid(text, "a query, a fragment, a backslash or a control character has no meaning in it")
    if scheme not in _KNOWN:
        raise _invalid(text, f"'{scheme}' is none of the schemes that can hold one ({', '.join(_KNOWN)})")
    if any(part in (".", "..") for part in path.split("/")):
        raise _invalid(text, "'.' and '..' are not followed")
    if scheme == "file":
        if authority:
            raise _invalid(text, f"'{authority}' stands in the place of a host; write file:///")
        return _local(Path(path), text)
    if scheme == "memory":
        from obstore.store import MemoryStore

        return ObstoreStore(MemoryStore(), "memory://")  # an empty one each time
    return _remote(text, scheme, authority, path, dict(options or {}))


def _local(folder: Path, text: str) -> ObjectStore:
    if folder == Path(folder.anchor):
        raise _invalid(text, "it is the root of the file system")
    return LocalFolder(folder)


def _remote(text: str, scheme: str, authority: str, path: str, options: dict[str, Any]) -> ObjectStore:
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    if not authority:
        raise _invalid(text, "it names no bucket or container")
    if "@" in authority and not scheme.startswith("abfs"):
        raise _invalid(text, "credentials don't belong into it")
    plain = "s3" if scheme in ("s3a", "s3n") else scheme
    prefix = "".join(f"/{part}" for part in path.split("/") if part)
    # one mapping for users; obstore wants those for the connection apart
    client = {name: options.pop(name) for name in list(options) if name in _CLIENT}
    try:
        store = from_url(
            f"{plain}://{authority}{prefix}",
            config=cast("S3Config", options or None),
            client_options=cast("ClientConfig", client or None),
        )
    except (BaseError, ValueError) as e:
        raise _invalid(text, str(e).splitlines()[0].rstrip(".")) from e
    return ObstoreStore(store, f"{plain}://{authority}{prefix}")


def _invalid(location: str, reason: str) -> AnabranchError:
    return error("ANABRANCH_REPOSITORY.INVALID_LOCATION", location=location, reason=reason)
