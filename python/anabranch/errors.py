"""What the native client refuses, as exceptions: one class for each error class in ``docs/errors.md``.

``ANABRANCH_REF.NOT_FOUND`` is `errors.RefNotFound`, and a `RefError`, and an `AnabranchError`:

    try:
        repo.table("db.t", ref="no-such-branch")
    except anabranch.errors.RefNotFound as error:
        print(error.condition, error.parameters["ref"])

The JVM half and this one say the same words, but for what to do where that is a statement of Spark: both read
``anabranch-errors.json``.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["AnabranchError", "error", "templates"]

_PLACEHOLDER = re.compile("<([a-zA-Z]+)>")


class AnabranchError(Exception):
    """Something that the repository refuses; nothing was changed, unless the message says otherwise.

    Attributes:
        condition: the stable error class, such as ``ANABRANCH_REF.NOT_FOUND``.
        parameters: what fills the places of the message.
        action: what to do about it.
        sql_state: five characters, as SQL has it.
    """

    def __init__(self, condition: str, parameters: Mapping[str, str]) -> None:
        template = templates()[condition]
        self.condition = condition
        self.parameters = dict(parameters)
        self.reason = _filled(template["message"], parameters)
        self.action = _filled(_action(template), parameters)
        self.sql_state = template["sqlState"]
        super().__init__(f"[{condition}] {self.reason} {self.action}")

    def add_hint(self, hint: str) -> None:
        """Says more about what to do."""
        self.action = f"{self.action} {hint}"
        self.args = (f"{self.args[0]} {hint}",)

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.condition, self.parameters)


@functools.cache
def templates() -> dict[str, dict[str, str]]:
    """All error classes: condition -> ``message``, ``action``, ``sqlState``, and ``python`` in its place."""
    found: dict[str, dict[str, str]] = json.loads(
        Path(__file__).with_name("anabranch-errors.json").read_text(encoding="utf-8")
    )
    return found


def error(condition: str, /, **parameters: object) -> AnabranchError:
    """The exception of an error class, to be raised.

    Args:
        condition: such as ``ANABRANCH_REF.NOT_FOUND``.
        parameters: a value for each place in its message.
    """
    # so that they can be printed: half a surrogate pair can't
    texts = {
        name: str(value).encode(errors="backslashreplace").decode() for name, value in parameters.items()
    }
    return _class_of(condition)(condition, texts)


def told_in(text: str) -> AnabranchError | None:
    """The error that a text tells, as an engine has it that only passes on words of what it reads."""
    for found in re.finditer(r"\[(ANABRANCH_[A-Z]+\.[A-Z_]+)\] ", text):
        template = templates().get(found[1])
        if template is not None:
            parts = _PLACEHOLDER.split(f"{template['message']} {_action(template)}")
            form = "".join(
                re.escape(part)
                if i % 2 == 0
                # what stands twice in it is the same
                else f"(?P={part})"
                if part in parts[1:i:2]
                else f"(?P<{part}>.*?)"
                for i, part in enumerate(parts)
            )
            form += "" if parts[-1] else r"(?=\n|$)"  # where a place is the last, the line ends it
            told = re.compile(form, re.DOTALL).match(text, found.end())
            if told is not None:
                return error(found[1], **told.groupdict())
    return None


def _action(template: Mapping[str, str]) -> str:
    return template.get("python") or template["action"]


def _again(condition: str, parameters: dict[str, str]) -> AnabranchError:
    return error(condition, **parameters)


def _filled(text: str, parameters: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: parameters[match.group(1)], text)


@functools.cache
def _class_of(condition: str) -> type[AnabranchError]:
    area, name = condition.removeprefix("ANABRANCH_").split(".")
    return type(_camel(f"{area}_{name}"), (_area(area),), {"__module__": __name__, "__doc__": condition})


@functools.cache
def _area(area: str) -> type[AnabranchError]:
    return type(_camel(area) + "Error", (AnabranchError,), {"__module__": __name__})


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


@functools.cache
def _by_name() -> dict[str, type[AnabranchError]]:
    leaves = [_class_of(condition) for condition in templates()]
    areas = [leaf.__mro__[1] for leaf in leaves]
    return {c.__name__: c for c in [*leaves, *areas]}


def __getattr__(name: str) -> type[AnabranchError]:
    if not name.startswith("_") and name in _by_name():
        return _by_name()[name]
    raise AttributeError(f"anabranch.errors has no {name}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_by_name()])
