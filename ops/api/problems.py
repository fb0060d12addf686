"""What can go wrong with a request, as problem+json.

Owns which failure has which status. Invariants: an answer never tells what is another programme's from what
is not there; it repeats nothing of the database's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.responses import Response

from ledger.errors import (
    DatabaseContended,
    DatabaseUnavailable,
    LedgerError,
    NotInRegistry,
    RegistryRefused,
    StatementRefused,
)
from ledger.registry.outbox import EventsGone
from ops.api.schemas import Problem

MEDIA: Final = "application/problem+json"
AGAIN_S: Final = "2"


class Failure(Exception):
    """A request that is not done; `detail` is for whoever made it."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        oldest: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.oldest = oldest

    def response(self) -> Response:
        """Return the answer that says so."""
        body = Problem(HTTPStatus(self.status).phrase, self.status, detail=self.detail, oldest=self.oldest)
        return Response(msgspec.json.encode(body), self.status, self.headers, MEDIA)


def failure_of(error: LedgerError) -> Failure | None:
    """Return what a failure of the ledger is to a caller; None for what is a defect or a set-up of ours."""
    if isinstance(error, EventsGone):
        return Failure(410, str(error), oldest=error.oldest)
    if isinstance(error, NotInRegistry):
        return Failure(404, "there is no such thing in this programme")
    if isinstance(error, RegistryRefused):
        return Failure(409, str(error))
    if isinstance(error, StatementRefused):
        return Failure(409, "what is asked for contradicts what is there")
    if isinstance(error, DatabaseUnavailable | DatabaseContended):
        return Failure(503, "try again", headers={"Retry-After": AGAIN_S})
    return None
