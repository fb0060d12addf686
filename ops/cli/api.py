"""`cityswitch api`: serve the HTTP API, and say which systems may use it.

Owns the subcommands. Must not know an operation (`ops.api`), nor what a token may.
"""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import trio
from cyclopts import App, Parameter

from ledger.registry import api_tokens
from ledger.registry.bounds import ID_MAX
from ops.api.run import HOST, PORT, ApiOptions, running_api
from ops.api.tokens import RATE_DEFAULT, digest_of, make_token
from ops.cli.bounds import between
from ops.cli.help_texts import examples
from ops.cli.registry_options import (
    FIRST_PAGE,
    NOBODY,
    UNSURE,
    By,
    BySure,
    Json,
    Page,
    Programme,
    master_key,
    pick_programme,
    tell_done,
)
from ops.output import print_json, print_line, print_rows
from ops.place.database import Purpose, changing, database_server, looking
from ops.place.options import HERE, Place
from switch.logs import configure_logs

DAYS_MAX: Final = 3_650
SHOWN: Final = ("number", "programme", "name", "rights", "partner", "made_at", "ends_at", "ended_at")

app = App(
    name="api",
    help="The HTTP API for a city's application and other systems.",
    help_epilogue=examples("api serve --behind-proxy", "api tokens add 'city app' --right holders:read"),
)
tokens = App(
    name="tokens",
    help="Which systems may use the API, each for one programme: holders:read, holders:write, offers:read, "
    "statements:read, events:read.",
    help_epilogue=examples("api tokens add 'city app' --right holders:read", "api tokens list"),
)
app.command(tokens)


@app.command(
    help_epilogue=examples(
        "api serve --behind-proxy",
        "api serve --host 0.0.0.0 --tls-certificate /etc/ssl/api.crt --tls-key /etc/ssl/private/api.key",
    )
)
async def serve(
    *,
    host: Annotated[str, Parameter(help="Address to listen on.")] = HOST,
    port: Annotated[int, Parameter(help="Port (0: any free).", validator=between(0, 65_535))] = PORT,
    tls_certificate: Annotated[Path | None, Parameter(help="Certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, Parameter(help="Its key, PEM.")] = None,
    behind_proxy: Annotated[bool, Parameter(help="A proxy of yours has the certificate.")] = False,
    rate: Annotated[
        float, Parameter(help="Requests a second of one token.", validator=between(0.1, 10_000))
    ] = RATE_DEFAULT,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Serve the API until Ctrl-C or SIGTERM; its description is at /v1/openapi.json."""
    options = ApiOptions(
        host=host,
        port=port,
        certificate=tls_certificate,
        key=tls_key,
        behind_proxy=behind_proxy,
        rate=rate,
    )
    options.tls()
    config = place.settings()
    configure_logs(config.log_level)
    master = master_key(place)
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with (
            database_server(place, config, Purpose.CHANGE) as dsns,
            running_api(dsns.owner, master, options) as url,
        ):
            if json:
                print_json({"url": url})
            else:
                print_line(f"API: {url}v1/openapi.json")
            async for _ in signals:
                break


@tokens.command(help_epilogue=examples("api tokens add 'city app' --right holders:read --days 365"))
async def add(
    name: Annotated[str, Parameter(help="The system it is for.")],
    /,
    *,
    right: Annotated[tuple[str, ...], Parameter(help="What it may; again for more.")],
    partner: Annotated[int | None, Parameter(help="Statements of this partner alone.")] = None,
    days: Annotated[
        int, Parameter(help="Good for so many days (0: until it is ended).", validator=between(0, DAYS_MAX))
    ] = 365,
    programme: Programme = None,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """Let a system in. Its token is shown once: it is kept as a hash."""
    actor = by.told()
    ends_at = datetime.now(UTC) + timedelta(days=days) if days else None
    if partner is not None:
        between(1, ID_MAX)(int, partner)
    async with changing(place) as database:
        number_of = await database.run(lambda c: pick_programme(c, programme))
        token = make_token(number_of)
        number = await database.run(
            lambda c: api_tokens.add_token(
                c,
                actor,
                number_of,
                name,
                digest_of(token),
                rights=right,
                partner=partner,
                ends_at=ends_at,
            )
        )
    tell_done(
        f"Token {number} of {name}, shown this once: {token}",
        {"number": number, "programme": number_of, "token": token},
        as_json=json,
        again="api tokens list",
    )


@tokens.command(help_epilogue=examples("api tokens end 3 --reason 'the contract ended' --yes"))
async def end(
    number: Annotated[int, Parameter(help="The token's number, of `api tokens list`.")],
    /,
    *,
    by: BySure = UNSURE,
    json: Json = False,
    place: Place = HERE,
) -> None:
    """End a token at once, for good."""
    actor = by.told()
    by.confirm(f"token {number} will open nothing any more")
    async with changing(place) as database:
        await database.run(lambda c: api_tokens.end_token(c, actor, number))
    tell_done(f"Token {number} has ended.", {"number": number}, as_json=json, again="api tokens list")


@tokens.command(name="list", help_epilogue=examples("api tokens list", "api tokens list --json"))
async def list_(*, page: Page = FIRST_PAGE, json: Json = False, place: Place = HERE) -> None:
    """List the tokens there are, ended ones too."""
    async with looking(place) as database:
        rows = await database.run(lambda c: api_tokens.list_tokens(c, after=page.after, limit=page.limit))
    shown = [{**{name: row[name] for name in SHOWN}, "rights": " ".join(row["rights"])} for row in rows]
    print_rows(shown, SHOWN, as_json=json, empty="No token there.")
