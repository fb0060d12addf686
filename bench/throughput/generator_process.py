"""A load generator as a process of its own: order on standard input, report on standard output.

    python -m bench.throughput.generator_process

Owns the talk (`load_order`) and the exit status. Must not know what the load is for.
"""

from __future__ import annotations

import resource
import sys

import msgspec

from bench.throughput.generator import ClosedLoop
from bench.throughput.lines import open_lines
from bench.throughput.load_order import LINE_BYTES_MAX, READY, Load, Window
from bench.throughput.open_loop import OpenLoop
from bench.throughput.sealing import Connect, LoadFailed, connect

EXIT_FAILED = 1


def main(connect: Connect = connect) -> int:
    """Connect, seal, say ready, load during the window, report."""
    load = msgspec.json.decode(sys.stdin.buffer.readline(LINE_BYTES_MAX), type=Load)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lines = []
    try:
        lines = open_lines(load, connect)
        traffic = OpenLoop(load, lines) if load.phases else ClosedLoop(load, lines)
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
        window = msgspec.json.decode(sys.stdin.buffer.readline(LINE_BYTES_MAX), type=Window)
        report = traffic.run(window)
    except LoadFailed as error:
        print(f"bench: {error}", file=sys.stderr)
        return EXIT_FAILED
    finally:
        for line in lines:
            line.close()
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
