"""Owns the reading of a DSN: which forms are taken, and what each names. Pure; opens nothing.

One form is taken, libpq's URI, with all it says about several hosts:

    postgresql://user:password@host1:5432,host2:5433/database?target_session_attrs=read-write
    postgresql://user@/database?host=/run/a,/run/b&port=5432,5433

A DSN that cannot be used is refused with one line that says what to write instead, never with the password.
Invariant: the DSN alone decides where to connect and as whom. Of the caller's PG* variables only those of
secrets are read (PGPASSWORD, PGPASSFILE, and the files of certificates): PGHOST or PGPORT of somebody's shell
must not lead a switch to another server. What is left out has the default of libpq.
"""

import getpass
import re
from itertools import repeat
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode

from ledger.errors import DatabaseMisconfigured

SCHEMES: Final = ("postgresql://", "postgres://")
PORT: Final = "5432"
PORT_MAX: Final = 65535
FORM: Final = "postgresql://USER@HOST1:PORT1,HOST2:PORT2/DATABASE"

# What is handed on as it is: TLS, authentication, server settings (`options=-c name=value`).
_PASSED: Final = frozenset(
    {"options", "passfile", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword",
     "sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs",
     "krbsrvname", "gsslib"}
)  # fmt: skip
_VALUES: Final = {
    "target_session_attrs": frozenset(
        {"any", "primary", "standby", "read-write", "read-only", "prefer-standby"}
    ),
    "sslmode": frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}),
    "sslnegotiation": frozenset({"postgres", "direct"}),
    "gsslib": frozenset({"gssapi", "sspi"}),
}
_OWN: Final = frozenset({"host", "port", "user", "password", "dbname", "connect_timeout"})
_INSTEAD: Final = {
    "database": "name the database behind the slash, or as `dbname`",
    "hostaddr": "give the address as the host",
    "application_name": "leave it out: connections are named after what they do",
    "fallback_application_name": "leave it out: connections are named after what they do",
    "client_encoding": "leave it out: it is always UTF8",
    "service": "write out what the service file says",
    "servicefile": "write out what the service file says",
    "keepalives": "leave it out: idle connections are watched",
    "keepalives_idle": "leave it out: idle connections are watched",
    "keepalives_interval": "leave it out: idle connections are watched",
    "keepalives_count": "leave it out: idle connections are watched",
    "tcp_user_timeout": "leave it out: every answer has a time limit of its own",
    "load_balance_hosts": "leave it out: all hosts are tried at once",
}
KEPT_APART: Final = "leave the password out: PGPASSFILE, PGPASSWORD and ?passfile=FILE are read"
"""Where a password may stand that is not to be in the DSN itself."""
_ENCODE: Final = "in a password, write @ : / ? # % as %40 %3A %2F %3F %23 %25"


class Target(NamedTuple):
    """Where to connect: one complete DSN for each host, and how long to try (None: not said)."""

    hosts: list[str]
    connect_s: float | None


def read_dsn(dsn: str) -> Target:
    """Take a DSN apart. Raises DatabaseMisconfigured."""
    places, found, connect_s = _read(dsn)
    return Target([_single(host, port, found) for host, port in places], connect_s)


def _read(dsn: str) -> tuple[list[tuple[str, str]], dict[str, str], float | None]:
    """Return hosts with their ports, what the DSN says besides, and how long to try. It looks nothing up."""
    scheme = next((scheme for scheme in SCHEMES if dsn.startswith(scheme)), None)
    if scheme is None:
        raise DatabaseMisconfigured(_other_form(dsn))
    rest, _, query = dsn.removeprefix(scheme).partition("?")
    authority, _, path = rest.partition("/")
    credentials, _, listed = authority.rpartition("@")
    user, has_password, password = credentials.partition(":")
    named = {"user": unquote(user), "dbname": unquote(path)}
    if has_password:
        named["password"] = unquote(password)
    if listed:
        named["host"], named["port"] = _hosts_and_ports(listed)
    found = {name: value for name, value in named.items() if value} | _parameters(query)
    connect_s = _seconds(found.pop("connect_timeout", None))
    hosts = (found.pop("host", "") or "localhost").split(",")
    ports = _ports(found.pop("port", PORT), len(hosts))
    return list(zip(hosts, ports, strict=True)), found, connect_s


def role_and_server(host: str) -> tuple[str, str]:
    """As whom one of a target's hosts is connected to, and its place, HOST:PORT."""
    found = dict(parse_qsl(host.partition("?")[2]))
    return found["user"], f"{found['host']}:{found['port']}"


def has_password(dsn: str) -> bool:
    """Whether a DSN holds a password, its user's or a private key's; of one that is of no use: whether it
    looks so.
    """
    try:
        _, found, _ = _read(dsn)
    except DatabaseMisconfigured:
        return without_password(dsn) != dsn
    return any(found.get(name) for name in ("password", "sslpassword"))


def without_password(dsn: str) -> str:
    """A DSN as it may be shown."""
    return re.sub(r"(//[^:/?@]*):.*@|((?:^|[\s?&])(?:ssl)?password=)[^&\s]*", _masked, dsn)


def with_role(dsn: str, role: str) -> str:
    """Return a DSN whose connections have the rights of a role, which its user is a member of, from their
    first statement on. Raises DatabaseMisconfigured for what is no name of a role.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", role):
        raise DatabaseMisconfigured("that is no name of a role")
    setting = quote(f"-c role={role}")
    rest, _, query = dsn.partition("?")
    items = [item for item in query.split("&") if item]
    options = [item for item in items if item.startswith("options=")]
    others = [item for item in items if not item.startswith("options=")]
    joined = f"{options[0]}%20{setting}" if options else f"options={setting}"
    return f"{rest}?{'&'.join([*others, joined])}"


def _masked(found: "re.Match[str]") -> str:
    return f"{found[1]}:***@" if found[1] is not None else f"{found[2]}***"


def _other_form(dsn: str) -> str:
    if "=" in dsn.partition(":")[0]:
        return f"the DSN is a list of key=value: write it as {FORM}"
    return f"the DSN must begin with postgresql:// (like {FORM})"


def _hosts_and_ports(listed: str) -> tuple[str, str]:
    """`a:1,[::1]:2` as two lists. A port left out is the usual one."""
    hosts, ports = [], []
    for item in listed.split(","):
        bracket = item.rfind("]")
        host, _, port = item[bracket + 1 :].partition(":")
        hosts.append(unquote(item[: bracket + 1] + host).strip("[]"))
        ports.append(port or PORT)
    return ",".join(hosts), ",".join(ports)


def _parameters(query: str) -> dict[str, str]:
    found = {}
    for item in query.split("&") if query else []:
        name, is_pair, value = item.partition("=")
        name = unquote(name)
        if not is_pair or not name.isidentifier():
            raise DatabaseMisconfigured(f"what follows ? in the DSN is not name=value&name=value; {_ENCODE}")
        if name not in _PASSED | _OWN:
            instead = _INSTEAD.get(name, "give a setting of the server as `options=-c name=value`")
            raise DatabaseMisconfigured(f"the DSN has a parameter that is not taken, `{name}`: {instead}")
        found[name] = unquote(value)
        if found[name] not in _VALUES.get(name, {found[name]}):
            known = ", ".join(sorted(_VALUES[name]))
            raise DatabaseMisconfigured(f"the DSN has a parameter of no use, `{name}`: it is one of {known}")
    return found


def _ports(listed: str, hosts: int) -> list[str]:
    """One port for each host; a single one is for all. As in libpq, an empty one is the usual port."""
    ports = [port or PORT for port in listed.split(",")]
    for port in ports:
        if not (re.fullmatch("0*[0-9]{1,5}", port) and 0 < int(port[-5:]) <= PORT_MAX):
            raise DatabaseMisconfigured(f"the DSN has a port that is not 1 to {PORT_MAX}; {_ENCODE}")
    if len(ports) == 1:
        return list(repeat(ports[0], hosts))
    if len(ports) != hosts:
        raise DatabaseMisconfigured(
            f"the DSN names {hosts} hosts and {len(ports)} ports: give one port for all, or one for each"
        )
    return ports


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,6}", text):
        raise DatabaseMisconfigured(
            "the DSN's connect_timeout is a whole number of seconds, of six digits at most"
        )
    return float(text) or None  # 0 is libpq's word for no limit of one's own


def _own_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # from Python 3.13 on the latter
        raise DatabaseMisconfigured(
            f"the DSN names no user, and this process runs as one without a name: write {FORM}"
        ) from None


def _single(host: str, port: str, found: dict[str, str]) -> str:
    """The DSN of one host, complete, so that nothing is looked up in the caller's PG* variables."""
    is_socket = host.startswith("/")
    user = found.get("user") or _own_user()
    return "postgresql://?" + urlencode(
        {
            "sslmode": "disable" if is_socket else "prefer",
            "sslnegotiation": "postgres",
            "target_session_attrs": "any",
            "dbname": user,
            **found,
            "user": user,
            "host": f"[{host}]" if ":" in host else host,
            "port": port,
        }
    )
