"""Compacts a table: plans, writes, commits, and removes what came to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from anabranch.core.format.files import DataFile
from anabranch.core.log.replay import CatalogState, TableState
from anabranch.core.operations.chosen_files import chosen_files
from anabranch.core.operations.compaction import Compact, Compacted, groups
from anabranch.core.operations.properties import TableProperties
from anabranch.core.operations.rewriting import Rewriter
from anabranch.core.operations.row_context import RowContext
from anabranch.core.repository.resolver import ResolvedRef
from anabranch.core.transaction.committer import CommitContext
from anabranch.errors import AnabranchError
from anabranch.results import OptimizeResult

if TYPE_CHECKING:
    from anabranch.core.operations.engine import Parameters
    from anabranch.core.repository.repository import Repository


def optimized(
    repository: Repository,
    ref: ResolvedRef,
    t: TableState,
    where: str | None,
    parameters: Parameters,
    by: CommitContext,
) -> OptimizeResult:
    """Compacts a table of a branch.

    Args:
        repository: where it is.
        ref: the branch.
        t: the table, as it is there.
        where: which files are looked at.
        parameters: of `where`.
        by: who does it.
    """
    branch, files = ref.writable, list(t.files.files.values())
    if where is not None:
        repository.permits.may_select(t, ref)
        files = chosen_files(repository.store, t, where, parameters)
    state = _committed(repository, branch, ref.state, t, files, by)
    now = state.tables[t.id] if state else t
    old, new = t.files.files.keys(), now.files.files.keys()
    return OptimizeResult(
        t.full_name,
        now.version,
        str(state.id) if state else None,
        len(old),
        len(new),
        t.files.size,
        now.files.size,
        len(old - new),
        len(new - old),
    )


def _committed(
    repository: Repository,
    branch: str,
    base: CatalogState,
    t: TableState,
    files: Sequence[DataFile],
    by: CommitContext,
) -> CatalogState | None:
    """The state after the commit; None if there was nothing to do."""
    found = groups(files, TableProperties.of(t.metadata.properties))
    if not found:
        return None
    rewriter = Rewriter(repository.store, t, repository.env)
    made = rewriter.run(found, inline=False)
    compacted = [Compacted(sources, file) for sources, file in zip(found, made, strict=True)]
    context = RowContext(repository.store, repository.states, repository.env)
    intent = Compact(base, t.id, compacted, context, repository.committer.stage)
    try:
        state = repository.committer.commit(branch, base, intent, by)
    except AnabranchError as e:
        if e.condition != "ANABRANCH_COMMIT.OUTCOME_UNKNOWN":
            rewriter.discard(made)
        raise
    # what was made of files that others have removed since is not in it
    placed = state.tables[t.id].files.files if t.id in state.tables else {}
    rewriter.discard([f for f in made if f.id not in placed])
    return state if any(f.id in placed for f in made) else None
