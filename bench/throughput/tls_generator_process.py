"""The load generator of `generator_process`, speaking TLS.

python -m bench.throughput.tls_generator_process
"""

from __future__ import annotations

import sys

from bench.throughput.generator_process import main
from bench.throughput.tls_files import connect_tls

if __name__ == "__main__":
    sys.exit(main(connect_tls))
