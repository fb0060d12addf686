"""`make clicks`: what 50 officers and 2,000 holders at the office's pages cost the switch, in one run.

    .venv/bin/python -m ops.clicks

Status 0 if the p99 of the switch with people is at most 1.2 times that without, and no answer of the office
was one that nobody expects; 1 if not.
"""

import sys

from bench.command import run
from ops.clicks.run import measure, parse

options = parse()
sys.exit(run(lambda stop: measure(options, stop)))
