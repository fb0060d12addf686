"""No command takes a secret among its words, for everybody on the machine can read them in `ps`."""

import ast
from pathlib import Path

import pytest

from bench.probes import lost_server, rebucket, servers, uses_left
from ops.argument_secrets import refused_secret
from ops.cli import main
from ops.cli.app import app
from ops.exit_codes import Exit
from tests.cli.test_hostile import commands

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "Hr7-planted-Qxyzzy"
KEY = "c0ffee42" * 8
WITH_PASSWORD = [
    f"postgresql://owner:{PASSWORD}@127.0.0.1:1/x",
    f"postgres://owner:{PASSWORD}/and@127.0.0.1:1/x",
    f"postgresql://owner@127.0.0.1:1/x?pass%77ord={PASSWORD}",
    f"postgresql://owner@127.0.0.1:1/x?sslmode=require&sslpassword={PASSWORD}",
    f"host=127.0.0.1 port=1 password={PASSWORD}",
    f"host=127.0.0.1 password = '{PASSWORD} and' port=1",
    f" postgresql://owner:{PASSWORD}@127.0.0.1:1/x",
    f"POSTGRESQL://owner:{PASSWORD}@127.0.0.1:1/x",
]


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command line that is a matter of usage; return all that it said."""
    assert main(words) == Exit.USAGE
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    return out + err


@pytest.mark.parametrize("words", [*commands(app)], ids=" ".join)
def test_every_command_refuses_a_password(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2 and one line that names what does instead, and not the password; nothing is begun."""
    told = said([*words, "--dsn", WITH_PASSWORD[0]], capsys)
    assert PASSWORD not in told
    assert all(way in told for way in ("CITYSWITCH_DSN", "settings file", "PGPASSFILE", "passfile="))


@pytest.mark.parametrize("dsn", WITH_PASSWORD)
@pytest.mark.parametrize("option", ["--dsn {}", "--dsn={}", "--json --dsn={}", "--dns {}", "{}"])
def test_wherever_it_stands_in_whatever_form(
    dsn: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As an option's value, behind a typing error, as an argument; also in a DSN that is of no use."""
    told = said(["ledger", "verify", *(part.format(dsn) for part in option.split(" "))], capsys)
    assert "password stands on the command line" in told
    assert PASSWORD not in told


@pytest.mark.parametrize(
    "reason",
    [
        "password=reset by phone",
        "URL=https://desk.example:8443/case/12 asked by anna@example.pl",
        "URL=https://desk.example:8443/case?by=anna@example.pl",
        "postgresql://desk.example:5432/x asked by anna@example.pl",
        "case=12",
    ],
)
@pytest.mark.parametrize("form", ["{}", "--reason={}"])
def test_prose_is_no_dsn(reason: str, form: str) -> None:
    """A reason may have a = and an address in it."""
    assert refused_secret(form.format(reason)) is None


@pytest.mark.parametrize("words", [["--key", KEY], [f"--key={KEY}"], ["--key-file", KEY], [KEY.upper()]])
def test_a_key_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal's key comes from a file or the environment; what is a key itself is not repeated."""
    told = said(["terminal", "echo", *words], capsys)
    assert "CITYSWITCH_TERMINAL_KEY" in told
    assert KEY not in told.lower()


@pytest.mark.parametrize(
    "dsn", ["postgresql://owner@127.0.0.1:1/x", "postgresql://o@h:1/x?passfile=/etc/a@b"]
)
def test_a_dsn_without_password_is_taken(
    dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is looked at, and nobody answers there."""
    assert main(["partners", "list", "--dsn", dsn, "--state-dir", str(tmp_path)]) == Exit.DATABASE
    assert "command line" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parse", "words"),
    [
        (servers.parse, ["--citus"]),
        (servers.parse, ["--citus", "postgresql://o@h/x", "--plain"]),
        (uses_left.parse, ["--books", "postgresql://o@h/x", "--books"]),
        (rebucket.parse, ["--dsn"]),
        (lost_server.parse, ["--service", "postgresql://o@h/x", "--start", "true", "--citus"]),
        (lost_server.parse, ["--citus", "postgresql://o@h/x", "--start", "true", "--service"]),
    ],
)
def test_probes_refuse_a_password(
    parse: object, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """So does every probe of the bench that is given a DSN."""
    assert callable(parse)
    with pytest.raises(SystemExit) as ended:
        parse([*words, WITH_PASSWORD[0]])
    assert ended.value.code == Exit.USAGE
    err = capsys.readouterr().err
    assert "PGPASSFILE" in err
    assert PASSWORD not in err


@pytest.mark.parametrize("parse", [servers.parse, uses_left.parse, rebucket.parse, lost_server.parse])
@pytest.mark.parametrize("words", ["--dns {}", "--dns={}", "{}"])
def test_probes_repeat_no_password(parse: object, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor behind an option that is none."""
    assert callable(parse)
    given = ["--citus=x", "--books=x", "--service=x", "--start=true"]
    with pytest.raises(SystemExit) as ended:
        parse([*given, *words.format(WITH_PASSWORD[0]).split(" ")])
    assert ended.value.code == Exit.USAGE
    assert PASSWORD not in capsys.readouterr().err


def test_whatever_else_takes_a_dsn_takes_it_so() -> None:
    """Every option of argparse's whose words say DSN is read by `dsn_option`."""
    options = [
        (path, node)
        for folder in ("bench", "ops", "simulators", "switch", "ledger")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and any(keyword.arg == "help" for keyword in node.keywords)
    ]
    found = 0
    for path, call in options:
        named = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if "DSN" in named["help"] and "add" in ast.unparse(call.func):
            assert named.get("type") == "dsn_option", (path, call.lineno)
            found += 1
    assert found == 6
