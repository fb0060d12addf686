"""`cityswitch board`: one page that shows the city at work.

Owns the options, the signals and the line that says where it is. Must not know what the page shows
(`ops.web.board`).
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import trio
from cyclopts import App, Parameter

from ops.cli.bounds import between
from ops.cli.ending import until_end
from ops.cli.help_texts import examples
from ops.cli.registry_options import Json
from ops.output import print_json, print_line
from ops.place.database import Purpose, database_server
from ops.place.options import HERE, Place
from ops.web.board.run import HOST, PORT, BoardOptions, running_board
from ops.web.board.viewers import VIEWERS_MAX
from switch.logs import configure_logs

app = App(
    name="board",
    help_epilogue=examples(
        "board",
        "board --port 9280",
        "board --host 0.0.0.0 --token-file /etc/cityswitch/board.token --name board.example.org",
    ),
)


@app.default
async def board(
    *,
    host: Annotated[str, Parameter(help="Address to listen on; anything but loopback needs a token.")] = HOST,
    port: Annotated[int, Parameter(help="Port (0: any free).", validator=between(0, 65_535))] = PORT,
    token_file: Annotated[
        Path | None,
        Parameter(help="File with the token that opens the page: 32 letters and figures or more."),
    ] = None,
    name: Annotated[
        tuple[str, ...], Parameter(help="A name the page is known by, such as a proxy's; again for more.")
    ] = (),
    viewers: Annotated[
        int, Parameter(help="So many may watch at a time.", validator=between(1, 1_000))
    ] = VIEWERS_MAX,
    contact: Annotated[
        str, Parameter(help="Whom the accessibility statement names: a person, an address, a telephone.")
    ] = "",
    until_eof: Annotated[bool, Parameter(show=False)] = False,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Serve a page that shows the city at work, until Ctrl-C or SIGTERM. It only reads.

    It asks the workers for their metrics once a second, for all who watch together, and nothing while nobody
    does. The switch may end and begin again meanwhile.
    """
    config = place.settings()
    configure_logs(config.log_level)
    options = BoardOptions(
        host=host, port=port, token_file=token_file, names=name, contact=contact, viewers_max=viewers
    )
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with (
            database_server(place, config, Purpose.LOOK) as dsns,
            running_board(config, dsns.service, options) as url,
        ):
            if json:
                print_json({"url": url})
            else:
                print_line(f"Board: {url}{'enter?token=…' if token_file else ''}")
            await until_end(signals, until_eof=until_eof)
