"""Settings of one switch: a TOML file, environment variables over it, command-line options over those.

Owns the names, defaults and bounds of all settings. Must not open sockets or databases: `cityswitch config
check` does that. Invariants: a `Config` that exists is within its bounds; only `adopt` changes one.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from protocol import limits
from switch.toml_text import TomlError, parse_toml, read_bytes

Port = Annotated[int, Meta(ge=0, le=65_535)]
WORKERS_MAX = 64
ENVIRONMENT_PREFIX = "CITYSWITCH_"
VARIABLES_OF_OTHERS = frozenset(
    {
        "CITYSWITCH_TERMINAL_KEY",
        "CITYSWITCH_TERMINAL_CERTIFICATE",
        "CITYSWITCH_TEST_DSN",
        "CITYSWITCH_TEST_CITUS_DSN",
        "CITYSWITCH_BACKUP_DSN",
    }
)
"""Variables with our prefix that are no settings: a terminal's key and certificate, the tests' database, who
backs up.
"""


RELOADABLE = frozenset({
    "log_level", "tls_certificate", "tls_key", "tls_client_ca", "tls_client_crl", "connections_max",
    "handshakes_max", "outbox_bytes_max", "in_flight_per_connection_max", "handshake_s", "frame_s", "write_s",
    "idle_s", "drain_s", "worker_silent_s", "feed_stale_after_s",
})  # fmt: skip
"""Settings that are read at use, so that SIGHUP may change them."""


class Changes(NamedTuple):
    """What a reload did: new values by name, and the names of settings that need a restart."""

    taken: dict[str, Any]
    need_restart: list[str]


class ConfigError(Exception):
    """A setting that cannot be used: one line with the file, the key, the cause and the cure."""


class Config(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """All settings of a switch. Ports: 0 means "any free port". Times end in their unit.

    `dsn` empty means the embedded Postgres of `state_dir`, which is meant for development.
    """

    listen_host: Annotated[str, Meta(min_length=1, max_length=255)] = "127.0.0.1"
    listen_port: Port = 7070
    port_shared: bool = False
    http_host: Annotated[str, Meta(min_length=1, max_length=255)] = "127.0.0.1"
    http_port: Port = 9170
    workers: Annotated[int, Meta(ge=1, le=WORKERS_MAX)] = 1
    dsn: str = ""
    owner_dsn: str = ""
    state_dir: str = "var"
    master_key_file: str = ""
    tls: Literal["auto", "on", "off"] = "auto"
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    tls_client_crl: str = ""
    connections_max: Annotated[int, Meta(ge=1, le=1_000_000)] = 20_000
    handshakes_max: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    in_flight_per_connection_max: Annotated[int, Meta(ge=1, le=4_096)] = 64
    in_flight_per_card_max: Annotated[int, Meta(ge=1, le=1_000_000)] = 256
    in_flight_max: Annotated[int, Meta(ge=1, le=1_000_000)] = 4_000
    outbox_bytes_max: Annotated[int, Meta(ge=4_096, le=16_777_216)] = 65_536
    batch_max: Annotated[int, Meta(ge=1, le=2_000)] = 500
    committers: Annotated[int, Meta(ge=1, le=8)] = 2
    handshake_s: Annotated[float, Meta(gt=0, le=600)] = limits.HANDSHAKE_TIMEOUT_S
    frame_s: Annotated[float, Meta(gt=0, le=600)] = limits.FRAME_TIMEOUT_S
    write_s: Annotated[float, Meta(gt=0, le=600)] = limits.WRITE_TIMEOUT_S
    idle_s: Annotated[float, Meta(gt=0, le=86_400)] = limits.IDLE_TIMEOUT_S
    drain_s: Annotated[float, Meta(gt=0, le=600)] = 15.0
    worker_silent_s: Annotated[float, Meta(ge=2, le=600)] = 10.0
    give_up_ms: Annotated[int, Meta(ge=100, le=60_000)] = 3_000
    shed_after_ms: Annotated[int, Meta(ge=10, le=60_000)] = 500
    feed_stale_after_s: Annotated[float, Meta(gt=0, le=3_600)] = 5.0
    second_person_over_rows: Annotated[int, Meta(ge=0, le=100_000_000)] = 0
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def question_s(self) -> float:
        """So long a VERIFY may wait for its turn, and then be read for, in seconds: together what a posting
        has.
        """
        return self.give_up_ms / 2_000

    def adopt(self, new: Config) -> Changes:
        """Take over what may change while the switch runs; return what has changed, and what has to wait.

        Whoever was given these settings reads them at use, and so has the new ones.
        """
        names = [name for name in self.__struct_fields__ if getattr(self, name) != getattr(new, name)]
        taken = {name: getattr(new, name) for name in names if name in RELOADABLE}
        for name, value in taken.items():
            setattr(self, name, value)
        return Changes(taken, [name for name in names if name not in RELOADABLE])

    @property
    def state_path(self) -> Path:
        """The state directory as an absolute path."""
        return Path(self.state_dir).expanduser().absolute()

    @property
    def master_key_path(self) -> Path:
        """Where the master key and the pepper rest: `master_key_file`, else `<state_dir>/master.key`."""
        return (
            Path(self.master_key_file).expanduser()
            if self.master_key_file
            else self.state_path / "master.key"
        )

    @property
    def tls_wanted(self) -> bool:
        """True where terminals must speak TLS 1.3.

        "on", or "auto" on anything but loopback.
        """
        return self.tls == "on" or (self.tls == "auto" and not is_loopback(self.listen_host))


def is_loopback(host: str) -> bool:
    """True if `host` can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def load_config(
    path: Path | None,
    *,
    environment: Mapping[str, str] = os.environ,
    options: Mapping[str, Any] | None = None,
) -> Config:
    """Build the settings from a TOML file (optional), `CITYSWITCH_*` variables and options, later ones
    winning.

    Options with the value None are not set. Raises `ConfigError` with the source and the key named.
    """
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for source, values in _sources(path, environment, options or {}):
        _refuse_unknown(source, values)
        merged.update(values)
        origins.update(dict.fromkeys(values, source))
    try:
        config = msgspec.convert(merged, Config, strict=False)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at `$.")
        key = where.rstrip("`")
        raise ConfigError(f"{origins.get(key, 'settings')}: key '{key}': {_lower_first(text)}") from None
    for key in Config.__struct_fields__:
        value = getattr(config, key)
        if isinstance(value, str) and not value.isprintable():
            raise ConfigError(f"{origins.get(key, 'settings')}: key '{key}': holds a control character")
    _check_together(config, origins)
    return config


def _sources(
    path: Path | None, environment: Mapping[str, str], options: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    sources: list[tuple[str, dict[str, Any]]] = []
    if path is not None:
        sources.append((str(path), read_toml(path)))
    from_environment = {
        name[len(ENVIRONMENT_PREFIX) :].lower(): value
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and name not in VARIABLES_OF_OTHERS
    }
    sources.append(("environment", from_environment))
    sources.append(("command line", {key: value for key, value in options.items() if value is not None}))
    return sources


def read_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file into a dict. Raises `ConfigError` naming the file."""
    try:
        return parse_toml(read_bytes(path))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}. Check the path and its permissions."
        ) from None
    except TomlError as error:
        raise ConfigError(f"{path}: {error}") from None


def _refuse_unknown(source: str, values: Mapping[str, Any]) -> None:
    for key in values:
        if key not in Config.__struct_fields__:
            known = ", ".join(sorted(Config.__struct_fields__))
            nearest = difflib.get_close_matches(key, Config.__struct_fields__, 1)
            hint = f"Did you mean {nearest[0]}?" if nearest else f"Settings: {known}"
            raise ConfigError(f"{source}: key '{key}': no such setting. {hint}")


def _check_together(config: Config, origins: Mapping[str, str]) -> None:
    source = origins.get("tls") or origins.get("listen_host") or "settings"
    if config.tls_wanted and not (config.tls_certificate and config.tls_key):
        raise ConfigError(
            f"{source}: key 'tls': listening on {config.listen_host} wants TLS, but tls_certificate and"
            ' tls_key are not both set. Set them, or set tls = "off" where another layer encrypts.'
        )
    if config.tls_client_ca and not config.tls_wanted:
        raise ConfigError(
            f"{origins.get('tls_client_ca', 'settings')}: key 'tls_client_ca': without TLS no certificate is"
            ' asked for. Set tls = "on", or leave this one out.'
        )
    if config.tls_client_crl and not config.tls_client_ca:
        raise ConfigError(
            f"{origins.get('tls_client_crl', 'settings')}: key 'tls_client_crl': it revokes certificates of"
            " tls_client_ca, which is not set. Set both."
        )
    if config.http_port and config.listen_port and config.listen_host == config.http_host:
        taken = range(config.http_port, config.http_port + config.workers)
        if config.listen_port in taken:
            raise ConfigError(
                f"{origins.get('http_port', 'settings')}: key 'http_port': workers take ports {taken.start}"
                f" to {taken.stop - 1}, which hold listen_port {config.listen_port}. Move one of them."
            )


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
