"""Copy on write: files of which rows go are written anew, together with what was written beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anabranch.core.format.files import DataFile
from anabranch.core.operations.compaction import by_partition, first_id, packed
from anabranch.core.operations.properties import TableProperties
from anabranch.core.operations.rewriting import Rewriter
from anabranch.core.operations.writing import MAX_INLINE_BYTES


@dataclass(frozen=True)
class Copied:
    """What became of a table.

    Attributes:
        files: all that it has now.
        rewritten: the files in whose place some of them stand, marked as they would have been.
    """

    files: Sequence[DataFile]
    rewritten: Sequence[DataFile]

    @property
    def rows(self) -> int:
        """How many rows were only copied."""
        return sum(f.live_rows for f in self.rewritten)


def copied(
    before: Mapping[str, DataFile], now: Mapping[str, DataFile], settings: TableProperties, rewriter: Rewriter
) -> Copied:
    """Writes the rows that are left in files of which rows went to other files, so that none is marked.

    Args:
        before: the files that the table had.
        now: those that it has, with deletion vectors for what went.
        settings: of the table.
        rewriter: of the table.
    """
    vectors = {id: f.deletions for id, f in before.items()}
    marks = {id for id, f in now.items() if f.deletions != vectors.get(id)}
    marked = [now[id] for id in marks]
    written = [f for id, f in now.items() if id not in before and id not in marks]
    groups = []
    for files in by_partition(marked):
        files.sort(key=lambda f: (f.added_by.packed if f.added_by else 0, *first_id(f)))
        bins = packed(files, settings.target_bytes)
        # what was written goes where there is room
        for w in written:
            if w.partition == files[0].partition:
                room = (b for b in bins if b.takes(w, settings.target_bytes))
                if (chosen := next(room, None)) is not None:
                    chosen.add(w)
        groups += [b.files for b in bins]
    placed = {f.id for group in groups for f in group}
    alone = [f for f in now.values() if f.id not in placed]
    made = _made(groups, [f for f in alone if f.id not in before and f.is_inline], settings, rewriter)
    rewriter.discard([f for group in groups for f in group if f.id not in before])
    return Copied([*alone, *made], [f for f in marked if f.id in before])


def _made(
    groups: Sequence[Sequence[DataFile]],
    beside: Sequence[DataFile],
    settings: TableProperties,
    rewriter: Rewriter,
) -> list[DataFile]:
    """A file for each group; blocks, if all rows that the commit adds are few enough to stand in it."""
    few = sum(f.live_rows for group in [*groups, beside] for f in group) <= settings.inline_rows
    if not few:
        return rewriter.run(groups, inline=False)
    made = rewriter.run(groups, inline=True)
    if sum(f.size for f in [*made, *beside] if f.is_inline) <= MAX_INLINE_BYTES:
        return made
    rewriter.discard(made)
    return rewriter.run(groups, inline=False)
