"""Asks a site of pages without a server: one request in, one answer out."""

from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    @property
    def text(self) -> str:
        return self.body.decode()


async def ask(
    app: ASGIApp,
    path: str,
    *,
    method: str = "GET",
    host: str = "127.0.0.1:9180",
    body: bytes = b"",
    **headers: str,
) -> Answer:
    """Return the answer; header names are given with underscores."""
    pure, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": pure,
        "raw_path": pure.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", host.encode()),
            *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 9180),
        "state": {},
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    names = [(key.decode(), value.decode()) for key, value in start["headers"]]
    return Answer(start["status"], names, b"".join(message.get("body", b"") for message in sent[1:]))
