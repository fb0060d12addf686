"""Holds an invoice to the official schema FA(3) before it is issued.

Owns the way to the schema, which lies beside this module (schemas/README.md has its source), and the loading
of lxml, which only an installation with the office's packages has. Nothing is ever fetched from the network.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from ledger.errors import RegistryRefused
from ops.errors import CommandError
from ops.exit_codes import Exit

FOLDER: Final = Path(__file__).parent / "schemas"
SCHEMA: Final = FOLDER / "schemat_FA3_v1-0E.xsd"
TYPES: Final = FOLDER / "StrukturyDanych_v10-0E.xsd"
_IMPORT: Final = "{http://www.w3.org/2001/XMLSchema}import"


def check_invoice(document: bytes) -> None:
    """Raise RegistryRefused for a document that is not valid; no value of it is repeated."""
    etree, schema = _schema()
    root = etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True))
    if not schema.validate(root):
        error = schema.error_log[0]
        raise RegistryRefused(
            "the invoice is not valid by FA(3): {fault} at {path}", fault=error.type_name, path=error.path
        )


@cache
def _schema() -> tuple[Any, Any]:
    try:
        etree = import_module("lxml.etree")
    except ImportError:
        raise CommandError(
            Exit.ENVIRONMENT,
            "invoices are checked with lxml, which this installation has not.",
            "Install the office's packages: make venv-office.",
        ) from None
    tree = etree.parse(str(SCHEMA), etree.XMLParser(no_network=True))
    for element in tree.getroot().iter(_IMPORT):
        element.set("schemaLocation", TYPES.as_uri())  # the Ministry's text names its own server here
    return etree, etree.XMLSchema(tree)
