"""The bridge between the page and the switch, against hostile bytes, names and pages."""

import socket

import pytest
from playwright.sync_api import Browser, Page

from tests.patience import HANG_S
from tests.web.browser import patient_context
from tests.web.till_page import press
from tests.web.till_stage import Stage


def closed_with(page: Page, stage: Stage, sent: str) -> int:
    """Open a socket to the bridge from the page itself, send something; return the code it closes with."""
    code: int = page.evaluate(
        f"""() => new Promise((resolve) => {{
            const socket = new WebSocket(`ws://${{location.host}}/wire`);
            socket.onopen = () => socket.send({sent});
            socket.onclose = (event) => resolve(event.code);
        }})"""
    )
    return code


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("'{\"json\": true}'", 1003),
        ("new Uint8Array(4097)", 1009),
        ("new Uint8Array(1000000)", 1009),
        ("new Uint8Array([0, 0])", 4000),
    ],
)
def test_what_is_no_piece_of_the_wire_ends_both_ends(page: Page, stage: Stage, sent: str, code: int) -> None:
    """Text, too many bytes, and bytes the switch hangs up on: the socket closes with a code that says which,
    its connection to the switch is closed, and the terminal beside it works on.
    """
    before = set(stage.open_lines)
    assert closed_with(page, stage, sent) == code
    stage.wait_for(lambda: not stage.open_lines - before)
    assert press(page, "BALANCE")["data-result"] == "APPROVED"


def test_another_sites_page_gets_no_line_and_no_keys(browser: Browser, stage: Stage) -> None:
    """A page of another origin can open no socket, read no key, and show this one in no frame."""
    foreign = patient_context(browser).new_page()
    foreign.goto("data:text/html,<title>another</title>")
    address = stage.url.removeprefix("http")
    opened = foreign.evaluate(
        f"""() => new Promise((resolve) => {{
            const socket = new WebSocket("ws{address}wire");
            socket.onopen = () => resolve("opened");
            socket.onclose = (event) => resolve(event.code);
        }})"""
    )
    assert opened == 1006
    assert (
        foreign.evaluate(f"() => fetch('{stage.url}till.json').then(() => 'read', () => 'refused')")
        == "refused"
    )
    foreign.context.close()


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("", "", 101),
        ("rebound.example:{port}", "http://rebound.example:{port}", 403),
        ("127.0.0.1:{port}", "http://other.example", 403),
        ("127.0.0.1:{port}", "http://127.0.0.1:1", 403),
        ("127.0.0.1:{port}", "null", 403),
        ("127.0.0.1:{port}", None, 403),
    ],
)
def test_host_and_origin_are_held_to_the_page(
    stage: Stage, host: str, origin: str | None, status: int
) -> None:
    """The bridge opens for its own page alone: no stranger's name that points here, no other port's page."""
    port = stage.url.rstrip("/").rpartition(":")[2]
    host = (host or "127.0.0.1:{port}").format(port=port)
    origin = f"http://{host}" if origin == "" else origin
    head = [f"GET /wire HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"]
    head += ["Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"]
    head += [f"Origin: {origin.format(port=port)}\r\n"] if origin is not None else []
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        connection.settimeout(HANG_S)
        connection.sendall("".join([*head, "\r\n"]).encode())
        assert connection.recv(4096).split()[1] == str(status).encode()


def test_a_page_of_another_name_is_refused(stage: Stage) -> None:
    """DNS rebinding: under a name that somebody else made to point here, neither page nor key is given."""
    port = int(stage.url.rstrip("/").rpartition(":")[2])
    for path in ("/", "/till.json"):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.settimeout(HANG_S)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: rebound.example:{port}\r\n\r\n".encode())
            answer = connection.recv(4096)
            assert answer.split()[1] == b"421"
            assert b"key" not in answer
