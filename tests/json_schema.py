"""As much of JSON Schema as the console's needs, in a page: what a document breaks."""

from collections.abc import Iterator
from typing import Any

TYPES = {
    "object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None),
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], at: str = "$") -> Iterator[str]:
    """Yield what is wrong with a value."""
    unknown = set(schema) - {
        "type", "enum", "anyOf", "properties", "required", "additionalProperties", "items",
    }  # fmt: skip
    assert not unknown, unknown
    if "anyOf" in schema:
        tried = [list(faults(value, each, at)) for each in schema["anyOf"]]
        if all(tried):
            yield from min(tried, key=len)
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if "type" in schema and not _is_of(value, schema["type"]):
        yield f"{at}: {value!r} is no {schema['type']}"
        return
    if isinstance(value, dict) and "properties" in schema:
        yield from _faults_of_members(value, schema, at)
    if isinstance(value, list) and "items" in schema:
        for index, inner in enumerate(value):
            yield from faults(inner, schema["items"], f"{at}[{index}]")


def _faults_of_members(value: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[str]:
    known = schema["properties"]
    yield from (f"{at}: without {name}" for name in schema.get("required", ()) if name not in value)
    for name, inner in value.items():
        if name in known:
            yield from faults(inner, known[name], f"{at}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{at}: {name} is not known"


def _is_of(value: Any, kinds: str | list[str]) -> bool:
    names = [kinds] if isinstance(kinds, str) else kinds
    return any(
        isinstance(value, TYPES[name]) and not (name == "integer" and isinstance(value, bool))
        for name in names
    )
