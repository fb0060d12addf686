"""`python -m ops.cli`: the command without its launcher, which is how the demo starts its child processes."""

import sys

from ops.cli import main

sys.exit(main())
