"""The short way a document's shape is written, "name kind, name kind?", as JSON Schema.

Owns the way alone. Must not know a command.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Schema: TypeAlias = dict[str, Any]

_PLAIN: Final = {"int": "integer", "text": "string", "yes": "boolean", "any": None}


def fields(text: str) -> Schema:
    """Return the schema of an object: "name kind, name kind?"; `?`: it may be null, `a|b`: one of these.

    A name with `?` behind it may be missing.
    """
    properties, required = {}, []
    for part in filter(str.strip, text.split(",")):
        name, kind = part.split()
        properties[name.rstrip("?")] = _value(kind)
        if not name.endswith("?"):
            required.append(name)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _value(kind: str) -> Schema:
    bare = kind.rstrip("?")
    if bare.endswith("[]"):
        return {"type": "array", "items": _value(bare[:-2])}
    if bare not in _PLAIN:
        choices: list[str | None] = [*bare.split("|")]
        return {"enum": [*choices, None] if kind.endswith("?") else choices}
    plain = _PLAIN[bare]
    if plain is None:
        return {}
    return {"type": [plain, "null"] if kind.endswith("?") else plain}


def rows(text: str) -> Schema:
    """Return the schema of a list of such objects."""
    return {"type": "array", "items": fields(text)}


def either(*schemas: Schema) -> Schema:
    """Return the schema of what is one of these."""
    return {"anyOf": list(schemas)}


def inside(outer: Schema, **inner: Schema) -> Schema:
    """Return an object's schema with further members that are no plain values."""
    return {
        **outer,
        "properties": {**outer["properties"], **inner},
        "required": [*outer["required"], *inner],
    }
