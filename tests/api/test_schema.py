"""The API keeps its own description: schemathesis asks what it says may be asked, and worse."""

import schemathesis
from hypothesis import HealthCheck, settings

from ops.api.openapi import document
from tests.api.conftest import CZESTOCHOWA, Stage

SCHEMA = schemathesis.openapi.from_dict(document())
EXAMPLES = 6


@SCHEMA.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_answers_are_as_described(case: schemathesis.Case, stage: Stage) -> None:
    """No answer but those described, in status, type and shape; no 500; what is out of the description is
    refused.
    """
    headers = {"Authorization": f"Bearer {stage.tokens[CZESTOCHOWA, 'all']}"}
    case.call_and_validate(base_url=stage.url.rstrip("/"), headers=headers)
