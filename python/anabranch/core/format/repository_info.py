"""Format version and features: what software must know to read or write a repository or a table."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from anabranch.core.format.canonical import canonical, int64, parse
from anabranch.core.format.members import Members
from anabranch.core.format.names import REPOSITORY
from anabranch.errors import error

FORMAT = 1
CHECK_CONSTRAINTS = "check-constraints"
VIEWS = "views"
READER_FEATURES = frozenset({VIEWS})
WRITER_FEATURES = frozenset({CHECK_CONSTRAINTS})


def check_features(scope: str, reader: Iterable[str], writer: Iterable[str], writing: bool) -> None:
    """Refuses, by name, features that this software does not know.

    Args:
        scope: what uses them, for the error: "repository at …", "table …".
        reader: what reading takes.
        writer: what writing takes.
        writing: whether it is going to be written.

    Raises:
        RepositoryUnknownFeature: if there are any.
    """
    kinds: list[tuple[str, set[str]]] = [("reader", set(reader) - READER_FEATURES)]
    if writing:
        kinds.append(("writer", set(writer) - WRITER_FEATURES))
    for kind, unknown in kinds:
        if unknown:
            features = ", ".join(sorted(unknown))
            raise error("ANABRANCH_REPOSITORY.UNKNOWN_FEATURE", scope=scope, kind=kind, features=features)


@dataclass(frozen=True)
class RepositoryInfo:
    """The object ``repository.json``: written once, when the repository is created."""

    id: str
    created: int
    reader_features: Collection[str] = ()
    writer_features: Collection[str] = ()

    def encode(self) -> bytes:
        """Its bytes."""
        return canonical(
            {
                "format": FORMAT,
                "id": self.id,
                "created": int64(self.created),
                "reader_features": sorted(self.reader_features),
                "writer_features": sorted(self.writer_features),
            }
        )

    @staticmethod
    def decode(data: bytes, root: str) -> RepositoryInfo:
        """From its bytes.

        Raises:
            RepositoryUnsupportedFormat: for a newer format.
            RepositoryUnknownFeature: for a reader feature that is not known.
        """
        r = Members(parse(data, REPOSITORY), REPOSITORY)
        found = r.integer("format")
        if not 1 <= found <= FORMAT:
            raise error("ANABRANCH_REPOSITORY.UNSUPPORTED_FORMAT", root=root, found=found, known=FORMAT)
        info = RepositoryInfo(
            r.text("id"), r.integer("created"), r.texts("reader_features"), r.texts("writer_features")
        )
        check_features(f"repository at {root}", info.reader_features, info.writer_features, writing=False)
        return info
