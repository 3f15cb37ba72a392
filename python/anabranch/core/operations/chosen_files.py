"""The files that may hold rows for which a condition is true."""

from __future__ import annotations

from dataclasses import replace

from anabranch.core.format.files import ROW_PLACE, DataFile
from anabranch.core.log.replay import FileSet, TableState
from anabranch.core.operations.engine import Parameters
from anabranch.core.operations.pruning import prune
from anabranch.core.operations.rows import Rows, has_subquery
from anabranch.core.operations.scan import full_schema
from anabranch.core.store.objects import ObjectStore
from anabranch.errors import AnabranchError, error


def chosen_files(store: ObjectStore, t: TableState, where: str, parameters: Parameters) -> list[DataFile]:
    """The files of a table that a query with a condition would read.

    Raises:
        WriteOptimizeCondition: if bounds of files tell nothing about the condition.
    """

    def refused(reason: str) -> AnabranchError:
        return error("ANABRANCH_WRITE.OPTIMIZE_CONDITION", table=t.full_name, condition=where, reason=reason)

    if has_subquery(where):
        raise refused("it has a subquery")
    # of a table without files nothing is read, but what is asked of it is seen
    empty = replace(t, files=FileSet.of(()))
    _, asked = Rows(store, empty).select([ROW_PLACE], where, parameters, {})
    if any(condition is None for condition in asked):
        raise refused("bounds of files tell nothing about it")
    # none is asked for where the condition is never true
    everything, schema = list(t.files.files.values()), full_schema(t)
    found = {f.id: f for condition in asked for f in prune(everything, condition, t.metadata, schema)}
    return list(found.values())
