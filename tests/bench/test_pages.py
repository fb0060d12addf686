"""Reading a worker's pages: one value of its metrics, and whether it says ready."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from bench.pages import PageError, is_ready, metric
from tests.bench.scripted_switch import closed_port

METRICS = """# HELP cityswitch_connections Authenticated connections
cityswitch_connections 3.0
cityswitch_connections_opened_total 17.0
"""


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = METRICS.encode() if self.path == "/metrics" else b"{}"
        self.send_response(200 if self.path == "/metrics" or self.server.server_name == "ready" else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Pages) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.005,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def url_of(server: HTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_a_metric_is_found_by_its_whole_name(server: HTTPServer) -> None:
    """A name that is the beginning of another is not mistaken for it."""
    assert metric(url_of(server), "cityswitch_connections") == 3.0
    with pytest.raises(PageError, match=r"no cityswitch_conn$"):
        metric(url_of(server), "cityswitch_conn")


def test_ready_is_what_the_page_says(server: HTTPServer) -> None:
    """503 is not ready, 200 is."""
    assert not is_ready(url_of(server))
    server.server_name = "ready"
    assert is_ready(url_of(server))


def test_a_worker_that_does_not_answer_is_not_ready() -> None:
    """While the process is starting nobody listens, and that is no error."""
    assert not is_ready(f"http://127.0.0.1:{closed_port()}")
