"""All dashboards, in the order in which somebody opens them."""

from __future__ import annotations

from typing import Final

from ops.monitoring.dashboards.books import BOOKS
from ops.monitoring.dashboards.load_test import LOAD_TEST
from ops.monitoring.dashboards.overview import OVERVIEW
from ops.monitoring.dashboards.panel import Dashboard
from ops.monitoring.dashboards.postgres import POSTGRES
from ops.monitoring.dashboards.rules import RULES
from ops.monitoring.dashboards.terminals import TERMINALS

DASHBOARDS: Final[tuple[Dashboard, ...]] = (OVERVIEW, TERMINALS, BOOKS, POSTGRES, LOAD_TEST, RULES)
