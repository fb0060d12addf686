"""A nuisance as a process of its own: order on standard input, report on standard output when the input ends.

    python -m bench.throughput.nuisance_process

Owns the talk (`nuisance_order`) and the exit status. Must not know what the nuisance is for.
"""

from __future__ import annotations

import resource
import select
import sys
import time

import msgspec

from bench.throughput.load_order import LINE_BYTES_MAX, READY
from bench.throughput.nuisance_order import NuisanceOrder
from bench.throughput.nuisances import make
from bench.throughput.sealing import LoadFailed

EXIT_FAILED = 1


def main() -> int:
    """Connect, say ready, wait for the word, be a nuisance until standard input ends, report."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(LINE_BYTES_MAX), type=NuisanceOrder)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        nuisance = make(order)
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
        sys.stdin.buffer.readline(LINE_BYTES_MAX)
        began = time.monotonic()
        nuisance.run(lambda: bool(select.select([sys.stdin], [], [], 0)[0]))
        nuisance.report.seconds = time.monotonic() - began
    except (LoadFailed, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return EXIT_FAILED
    sys.stdout.buffer.write(msgspec.json.encode(nuisance.report) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
