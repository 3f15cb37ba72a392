"""Merges that wait for decisions: one a branch, kept in the repository, for whoever comes next."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace

from anabranch.core.log.environment import Environment
from anabranch.core.log.refs import Refs
from anabranch.core.operations.engine import connected
from anabranch.core.operations.merge.conflicts import CELL, CONSTRAINT, MergeConflict
from anabranch.core.operations.merge.decisions import Choice, Chosen, Decision, Decisions
from anabranch.core.operations.merge.unfinished_merge import UnfinishedMerge
from anabranch.core.repository.merge_request import MergeRequest
from anabranch.core.repository.merges import Merges, described
from anabranch.core.transaction.committer import CommitContext
from anabranch.core.transaction.lasting import must_be_in_time
from anabranch.errors import AnabranchError, error
from anabranch.results import Conflict, MergeResult


class UnfinishedMerges:
    """The unfinished merges of one repository, and its other merges, which they may be in the way of."""

    def __init__(self, merges: Merges, refs: Refs, env: Environment) -> None:
        self.merges = merges
        self._refs = refs
        self._env = env

    def find(self, branch: str) -> UnfinishedMerge | None:
        """The unfinished merge into a branch, if there is one."""
        newest = self._refs.unfinished(_name(branch))
        return None if newest is None else UnfinishedMerge.decode(newest[1])

    def _get(self, branch: str) -> UnfinishedMerge:
        found = self.find(branch)
        if found is None:
            raise error("ANABRANCH_MERGE.NONE_UNFINISHED", branch=branch)
        return found

    def merge(self, asked: MergeRequest, by: CommitContext) -> MergeResult:
        """Merges, if no other merge into the branch waits for decisions."""
        other = self.find(asked.into)
        if other is not None:
            raise _unfinished(asked.into, other)
        return self.merges.merge(asked, False, by)

    def merge_or_keep(self, asked: MergeRequest, by: CommitContext) -> MergeResult:
        """Merges; where there are conflicts that nobody has decided, the merge is kept, and they are told."""
        other = self.find(asked.into)
        if other is not None:
            raise _unfinished(asked.into, other)
        source = self.merges.commit_of(asked.source)
        planned = self.merges.merge(asked, True, by)
        if not planned.conflicts:
            return self.merges.merge(asked, False, by)
        env = self._env
        kept = UnfinishedMerge(
            asked.source, source, asked.squash, by.author, env.now(), asked.decisions, env.new_id()
        )
        must_be_in_time(env, by.began)
        self._change(asked.into, kept)
        return planned

    def conflicts(self, branch: str) -> list[Conflict]:
        """All conflicts of the unfinished merge into a branch, as they are now, decided ones included.

        Also those that came to light by decisions.
        """
        m = self.find(branch)
        return [] if m is None else [described(c, choice) for c, choice in self._known(branch, m).items()]

    def _known(self, branch: str, m: UnfinishedMerge) -> dict[MergeConflict, Choice | None]:
        """Conflicts, and what was decided about them."""
        every = self._planned(branch, m, Decisions())
        if not m.decisions.all:
            return dict.fromkeys(every)
        left = self._planned(branch, m, m.decisions)
        # rows are compared only where it is clear what their columns are
        schema = replace(m.decisions, of_rows=False)
        beneath = [] if all(c.row for c in every) else self._planned(branch, m, schema)
        open = set(left)
        # a constraint holds or not, and is never decided
        decided = [c for c in [*every, *beneath] if c in open or c.kind != CONSTRAINT]
        about = m.decisions.about
        return {c: None if c in open else about(c.name, _row(c), c.column) for c in [*decided, *left]}

    def _planned(self, branch: str, m: UnfinishedMerge, decisions: Decisions) -> list[MergeConflict]:
        return self.merges.conflicts(replace(_asked(branch, m), decisions=decisions))

    def resolve(self, branch: str, wanted: Decision, where: str | None) -> int:
        """Adds decisions: one, or one for each conflict that a condition is true for; how many are left open.

        One without a choice takes back those before it about the same.

        Raises:
            MergeNoneUnfinished, MergeNoSuchConflict, MergeInvalidDecision, MergeInvalidValue, SqlFailed.
        """
        m = self._get(branch)
        known, choice = self._known(branch, m), wanted.choice
        decisions = [wanted]
        if where is not None:  # one about each, and about as little else as can be
            decisions = [Decision(choice, c.name, _row(c), c.column) for c in _chosen(known, where)]
        about = [[c for c in known if d.covers(c.name, _row(c), c.column)] for d in decisions]
        if not about or not all(about):
            raise error("ANABRANCH_MERGE.NO_SUCH_CONFLICT", what=where or _said(wanted), branch=branch)
        for found in about:
            if isinstance(choice, Chosen) and all(c.kind != CELL for c in found):
                raise _invalid(branch, f"a value is for a cell, and not for: {found[0].reason}")
        more = replace(m.decisions, all=[*m.decisions.all, *decisions])
        left = self._planned(branch, m, more)
        for found in about:
            if choice is not None and all(c in left for c in found):
                raise _invalid(branch, f"no choice of a side settles that {found[0].reason}")
        self._change(branch, replace(m, decisions=more, txn=self._env.new_id()))
        return len(left)

    def finish(self, branch: str, by: CommitContext) -> MergeResult:
        """Commits the merge, on the branch as it is now.

        Raises:
            MergeNoneUnfinished, MergeConflict.
        """
        m = self._get(branch)
        told = replace(by, parameters={**by.parameters, "source": m.source})
        result = self.merges.merge(_asked(branch, m), False, told)
        self._change(branch, None)
        return result

    def abort(self, branch: str) -> None:
        """Gives the merge up; the branch stays as it is."""
        self._get(branch)
        self._change(branch, None)

    def forget(self, branch: str) -> None:
        """Ends what waits for a branch that is gone: another one may get its name."""
        with contextlib.suppress(AnabranchError):  # the branch is gone, whatever becomes of this
            if self.find(branch) is not None:
                self._change(branch, None)

    def _change(self, branch: str, to: UnfinishedMerge | None) -> None:
        txn = self._env.new_id() if to is None else to.txn
        name, newest = _name(branch), self._refs.unfinished(_name(branch))
        generation = 0 if newest is None else newest[0] + 1
        value = {"txn": txn} if to is None else to.encode()
        if not self._refs.keep_merge(name, generation, value, txn):
            raise _unfinished(branch, self._get(branch))


def _name(branch: str) -> str:
    """Of a branch that is qualified where a tag could be meant."""
    return branch.removeprefix("branch:")


def _asked(branch: str, m: UnfinishedMerge) -> MergeRequest:
    return MergeRequest(str(m.commit), branch, m.decisions, m.squash, called=m.source)


def _unfinished(branch: str, m: UnfinishedMerge) -> AnabranchError:
    return error("ANABRANCH_MERGE.UNFINISHED", branch=branch, source=m.source, author=m.author)


def _invalid(branch: str, reason: str) -> AnabranchError:
    return error("ANABRANCH_MERGE.INVALID_DECISION", branch=branch, reason=reason)


def _chosen(known: Mapping[MergeConflict, Choice | None], where: str) -> list[MergeConflict]:
    """The conflicts that a condition is true for."""
    conflicts = list(known)
    told = [described(c, decided) for c, decided in known.items()]
    return [conflicts[place] for place in _matching(told, where)]


def _row(c: MergeConflict) -> int | None:
    return None if c.row is None else c.row.id


def _said(d: Decision) -> str:
    said = {"table": d.table and ".".join(d.table), "_row_id": d.row, "column": d.column}
    return ", ".join(f"{what} {value}" for what, value in said.items() if value is not None)


def _matching(conflicts: Sequence[Conflict], where: str) -> list[int]:
    """The places of those that a condition is true for."""
    import pyarrow as pa

    types = {f.name: pa.int64() if f.name == "row_id" else pa.string() for f in fields(Conflict)}
    schema = pa.schema([*types.items(), ("place", pa.int64())])
    rows = [{**asdict(c), "place": i} for i, c in enumerate(conflicts)]
    with connected() as connection:
        connection.register("conflicts", pa.Table.from_pylist(rows, schema))
        found = connection.sql(f"SELECT place FROM conflicts WHERE ({where}\n) ORDER BY place").fetchall()
    return [place for (place,) in found]
