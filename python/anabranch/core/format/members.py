"""Members of a JSON object by name and type, with errors that name the object and the member."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from anabranch.core.format.canonical import corrupt
from anabranch.errors import AnabranchError

T = TypeVar("T")


class Members:
    """Reads an object. Members that nobody asks for are ignored; a member that is null is absent."""

    def __init__(self, value: Any, origin: str, prefix: str = "") -> None:
        if not isinstance(value, dict):
            raise corrupt(origin, f"{prefix.rstrip('.') or 'it'} is not an object")
        self.value: dict[str, Any] = value
        self.origin = origin
        self._prefix = prefix

    def wrong(self, name: str, expected: str) -> AnabranchError:
        """The error for a member that is not what it should be."""
        return corrupt(self.origin, f"its member {self._prefix}{name} is not {expected}")

    def __contains__(self, name: str) -> bool:
        return self.value.get(name) is not None

    def _get(self, name: str, kind: type[T], expected: str) -> T:
        found = self.value.get(name)
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise self.wrong(name, expected)
        return found

    def text(self, name: str) -> str:
        """A string."""
        return self._get(name, str, "a string")

    def text_or_none(self, name: str) -> str | None:
        """A string, or None where it is absent."""
        return self.text(name) if name in self else None

    def flag(self, name: str) -> bool:
        """A boolean; false where it is absent."""
        return self._get(name, bool, "a boolean") if name in self else False

    def integer(self, name: str) -> int:
        """An integer of 64 bits, which may be spelled as a string."""
        found = self.value.get(name)
        if isinstance(found, str):
            try:
                return int(found)
            except ValueError:
                raise self.wrong(name, "an integer") from None
        return self._get(name, int, "an integer")

    def integer_or_none(self, name: str) -> int | None:
        """An integer, or None where it is absent."""
        return self.integer(name) if name in self else None

    def items(self, name: str) -> list[Any]:
        """A list; empty where it is absent."""
        return self._get(name, list, "a list") if name in self else []

    def texts(self, name: str) -> list[str]:
        """A list of strings."""
        found = self.items(name)
        if not all(isinstance(item, str) for item in found):
            raise self.wrong(name, "a list of strings")
        return found

    def object(self, name: str) -> Members:
        """An object."""
        return Members(self._get(name, dict, "an object"), self.origin, f"{self._prefix}{name}.")

    def object_or_none(self, name: str) -> Members | None:
        """An object, or None where it is absent."""
        return self.object(name) if name in self else None

    def objects(self, name: str) -> list[Members]:
        """A list of objects."""
        return [Members(item, self.origin, f"{self._prefix}{name}.") for item in self.items(name)]

    def named(self, name: str) -> Iterator[tuple[str, Members]]:
        """The objects in an object, by name."""
        if name in self:
            for key, value in self.object(name).value.items():
                yield key, Members(value, self.origin, f"{self._prefix}{name}.{key}.")

    def text_map(self, name: str) -> dict[str, str]:
        """An object of strings; empty where it is absent."""
        found: dict[str, Any] = self._get(name, dict, "an object") if name in self else {}
        if not all(isinstance(value, str) for value in found.values()):
            raise self.wrong(name, "an object of strings")
        return found

    def integer_map(self, name: str) -> dict[str, int]:
        """An object of integers; empty where it is absent."""
        if name not in self:
            return {}
        inner = self.object(name)
        return {key: inner.integer(key) for key in inner.value}

    def parsed(self, name: str, parse: Callable[[str], T | None], expected: str) -> T:
        """A string that stands for something else."""
        found = parse(self.text(name))
        if found is None:
            raise self.wrong(name, expected)
        return found

    def parsed_or_none(self, name: str, parse: Callable[[str], T | None], expected: str) -> T | None:
        """The same, or None where it is absent."""
        return self.parsed(name, parse, expected) if name in self else None
