"""The policies of main, as readers know them."""

from __future__ import annotations

from collections.abc import Mapping

from anabranch.core.format.names import MAIN
from anabranch.core.format.policies import Policy
from anabranch.core.log.environment import Environment
from anabranch.core.log.refs import Refs

FRESH_MILLIS = 60 * 1000
"""So old they may be, when rows are asked for [POL-6, EXP-2]."""


class MainPolicies:
    """Those of the last look at main, which is at most a minute ago."""

    def __init__(self, refs: Refs, env: Environment) -> None:
        self._refs = refs
        self._env = env
        self._looked = env.now()  # whoever opens a repository looks at main

    def recent(self) -> Mapping[str, Policy]:
        """All of them, by name."""
        main, now = self._refs.known(MAIN), self._env.now()
        if main is None or now - self._looked > FRESH_MILLIS:
            main, self._looked = self._refs.head(MAIN), now
        return main.policies if main else {}
