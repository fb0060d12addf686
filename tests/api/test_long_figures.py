"""Figures of any length in every address and parameter of the API: each operation, found in its table."""

import pytest

from ops.api.operations import OPERATIONS, Operation
from tests.api.conftest import Stage
from tests.long_figures import LONG, filled, gaps

PARAMETERS = sorted(
    {name for row in OPERATIONS if row.method == "GET" for name in row.takes.__struct_fields__}
)


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: f"{row.method} {row.path}")
def test_no_figures_in_an_address_are_a_failure(stage: Stage, row: Operation) -> None:
    """The system is told what is wrong, in each gap and in each parameter that any operation takes."""
    right = {"account": str(stage.accounts[3][0]), "partner": "300", "month": "2026-09"}
    body = {} if row.method == "POST" else None
    paths = [filled(row.path, {**right, name: long}) for name in gaps(row.path) for long in LONG]
    if body is None:
        paths += [f"{filled(row.path, right)}?{name}={long}" for name in PARAMETERS for long in LONG]
    for path in paths:
        assert stage.ask(path, body, Idempotency_Key="a-key").status < 500, path[:120]
