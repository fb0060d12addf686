"""Sets a document of the month's end as tagged PDF (PDF/UA-1) from a template and its data.

Owns the way to typst, of the extra `office`. Must not know a document. Invariants: nothing outside the
package is read, fonts neither; texts reach a template as data, never as its source.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ledger.errors import RegistryRefused

STANDARD: Final = "ua-1"


def typeset(template: bytes, data: Mapping[str, Any], **pictures: str) -> bytes:
    """Return the PDF; `pictures`: SVG by the name the template asks for. Raises RegistryRefused where the
    extra `office` is not installed.
    """
    try:
        import typst  # noqa: PLC0415 - an extra: whoever makes no PDF needs none
    except ImportError:
        raise RegistryRefused("a PDF wants the extra `office`: pip install cityswitch[office]") from None
    made: bytes = typst.compile(
        template,
        format="pdf",
        pdf_standards=[STANDARD],
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False), **pictures},
    )
    return made
