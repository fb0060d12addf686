"""Whether Debian's Prometheus is there: without it a test is skipped with a word, where CI=true it fails."""

import os

import pytest

from ops.monitoring.prometheus import PrometheusMissing, find_program


def need_prometheus() -> None:
    """Skip the test where `prometheus` or `promtool` is missing; fail it where CI=true."""
    try:
        find_program("prometheus")
        find_program("promtool")
    except PrometheusMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
