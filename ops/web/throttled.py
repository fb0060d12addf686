"""What a page answers to who has tried too often: one status, and after how long to try again.

Owns both. Must not know what is counted, nor how often is too often (`ops.web.identity.signing_in`).
Invariant: every page that says so says it with this status, whatever else its faults are told with.
"""

from __future__ import annotations

from typing import Final

WINDOW_S: Final = 15 * 60
"""Within it attempts are counted; after it at most they are forgotten, and that is what is told."""
TOO_MANY: Final = 429
LATER: Final = frozenset({"id_later", "id_later_login", "a_too_many"})
"""The words of it."""


def status_of(fault: str, refused: int = 400) -> int:
    """Return the status of a page that tells this fault, "" for none; `refused`: of any other fault."""
    if not fault:
        return 200
    return TOO_MANY if fault in LATER else refused


def headers_of(status: int) -> dict[str, str]:
    """Return what an answer of this status says besides (RFC 6585, 4)."""
    return {"Retry-After": str(WINDOW_S)} if status == TOO_MANY else {}
