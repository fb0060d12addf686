"""The OpenAPI 3.1 document, made of the operations and their types.

Owns how they are told. Invariant: it says what the code takes and gives, for it is made of the same types
(docs/reference/api.json is this document; a test holds the two together).
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from ledger.registry.api_tokens import RIGHTS
from ledger.registry.bounds import ID_MAX
from ops.api.operations import OPERATIONS, Operation
from ops.api.problems import MEDIA
from ops.api.schemas import NUMBER_MAX, Problem

REF: Final = "#/components/schemas/{name}"
KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Your own name for this act. Asked again with it within two days, it is done once.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
}
NAMED: Final[dict[str, dict[str, Any]]] = {
    "account": {"type": "integer", "minimum": 8, "maximum": NUMBER_MAX, "multipleOf": 8},
    "partner": {"type": "integer", "minimum": 1, "maximum": ID_MAX},
    "month": {"type": "string", "pattern": "^20[0-9]{2}-(0[1-9]|1[0-2])$"},
}
"""What a path names."""
WHY: Final = {
    "400": "The request cannot be read",
    "401": "No token, or none that is good now",
    "403": "The token lacks the right",
    "404": "Not there, or not in this programme",
    "409": "Refused: it contradicts what is there, or the key was used for something else",
    "410": "Events that are no longer kept",
    "413": "The body is too long",
    "415": "The body is no JSON",
    "422": "A field is missing, unknown or out of bounds",
    "429": "Too many requests of this token",
    "503": "The database is away or busy: try again",
}
READING: Final = ("400", "401", "403", "404", "422", "429", "503")
SENDING: Final = (*READING, "413", "415")


def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    types = {each for row in OPERATIONS for each in (row.takes, row.gives)} | {Problem}
    ordered = sorted(types, key=lambda each: each.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for row in OPERATIONS:
        paths.setdefault(row.path, {})[row.method.lower()] = _told(row, components)
    taken = {row.takes.__name__ for row in OPERATIONS if row.method == "GET"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cityswitch",
            "version": "1",
            "description": "For a city's application and other systems. A token is of one programme; "
            f"its rights are some of {', '.join(RIGHTS)}. Sums are in grosze, points are integers.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {name: shape for name, shape in components.items() if name not in taken},
        },
    }


def _told(row: Operation, components: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": NAMED[name],
        }
        for name in re.findall(r"\{(\w+)\}", row.path)
    ]
    told: dict[str, Any] = {"operationId": row.name, "summary": row.summary}
    if row.method == "GET":
        shape = components[row.takes.__name__]
        parameters += [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in shape["properties"].items()
        ]
    else:
        told["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": REF.format(name=row.takes.__name__)}}},
        }
    if row.is_write:
        parameters.append(KEY)
    if parameters:
        told["parameters"] = parameters
    if row.right:
        told["description"] = f"Needs the right `{row.right}`."
    told["responses"] = {str(row.status): _answer("Done", row.gives, "application/json")}
    for status in _failures(row):
        told["responses"][status] = _answer(WHY[status], Problem, MEDIA)
    return told


def _failures(row: Operation) -> list[str]:
    failures = set(SENDING if row.method == "POST" else READING)
    failures |= {"409"} if row.is_write else set()
    failures |= {"410"} if row.name == "listEvents" else set()
    return sorted(failures)


def _answer(description: str, type_: type[msgspec.Struct], media: str) -> dict[str, Any]:
    schema = {"$ref": REF.format(name=type_.__name__)}
    return {"description": description, "content": {media: {"schema": schema}}}


def page() -> bytes:
    """Return the document as it is served and kept."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n"
