"""Whether what is changed is still what was shown: a form carries a digest of each field that it shows, and
whoever writes compares them in the same write, as a proposal's digest is compared with its month.

Pure. Must not know a form, nor where anything is kept. Invariant: what somebody else changed since is written
over by nobody who has not seen it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, TypeAlias

from ledger.errors import RegistryRefused

Seen: TypeAlias = Mapping[str, str]
"""Of each field that was shown its digest."""
DIGEST_CHARACTERS: Final = 16


class ChangedSince(RegistryRefused):
    """It is not what was shown any more."""

    def __init__(self) -> None:
        super().__init__("this has changed since you opened it: nothing was saved, what stands now is shown")


def digest_of(value: object) -> str:
    """Return what a field holds as one short text: nothing and a box that is not ticked are the same, and so
    are several that are ticked, whatever their order.
    """
    if isinstance(value, bool):
        value = "yes" if value else ""
    elif isinstance(value, (list, tuple)):
        value = "\n".join(sorted(map(str, value)))
    text = "" if value is None else str(value).replace("\r\n", "\n").strip()
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:DIGEST_CHARACTERS]


def check_seen(seen: Seen, values: Mapping[str, object]) -> None:
    """Raise `ChangedSince` where a field is not as it was shown, or was not shown at all."""
    if any(seen.get(name) != digest_of(value) for name, value in values.items()):
        raise ChangedSince
