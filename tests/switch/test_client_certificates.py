"""Terminals' own certificates: none without one, none behind another's, none that was revoked or is over."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import structlog.testing
import trio
from cryptography.x509.oid import ExtendedKeyUsageOID
from trio.testing import wait_all_tasks_blocked

from ops.deploy.doctor.expiries import judge_revocations
from protocol import Echo
from simulators.till.channel import Address, connector
from switch.config import Config, ConfigError, load_config
from switch.process.certificate import read_certificate, revocations_until
from switch.process.checks import warn_of_certificate
from switch.wire.client_certificates import covers, told
from tests.patience import HANG_S
from tests.switch.authority import Authority
from tests.switch.certificates import make_certificate
from tests.switch.memory import Line, Memory, make_directory, running_front
from tests.switch.test_tls import TRANSPORTS, TlsStream

TERMINAL = "urn:cityswitch:terminal:1"


class Guarded:
    """A front that wants terminals' certificates, and the authority of these."""

    def __init__(self, memory: Memory, authority: Authority, server: Path, config: dict[str, str]) -> None:
        self.memory = memory
        self.authority = authority
        self.server = server
        self.config = config

    async def sign_on(self, certificate: Path | None, terminal: int = 1) -> Line | None:
        """Come with a certificate, or none; None if the switch lets nobody in."""
        context = ssl.create_default_context(cafile=str(self.server))
        if certificate is not None:
            context.load_cert_chain(certificate)
        stream = TlsStream(await self.memory.connect(), context)
        line = Line(stream, terminal)
        with trio.fail_after(HANG_S):
            try:
                await stream.shake_hands()
                return line if await line.sign_in() else None
            except (ssl.SSLError, trio.BrokenResourceError):
                return None

    async def refused(
        self, certificate: Path | None, terminal: int = 1
    ) -> tuple[str, str | None, int | None]:
        """Come and be refused; return reason, problem and terminal of the line in the operator's log."""
        self.memory.front.connections.faults.__init__()  # type: ignore[misc]  # a line a minute is its rule
        before = self.memory.meters.handshakes.copy()
        with structlog.testing.capture_logs() as lines:
            assert await self.sign_on(certificate, terminal) is None
            await wait_all_tasks_blocked(0.01)
        (told,) = [line for line in lines if line["event"] == "handshake_failed"]
        assert self.memory.meters.handshakes - before == {told["reason"]: 1}
        return told["reason"], told.get("problem"), told["terminal"]


@contextlib.asynccontextmanager
async def guarded_front(folder: Path, *, use_pump: bool = True) -> AsyncIterator[Guarded]:
    crt, key = make_certificate(folder)
    authority = Authority(folder)
    settings = {
        "tls": "on",
        "tls_certificate": str(crt),
        "tls_key": str(key),
        "tls_client_ca": str(authority.ca),
    }
    async with running_front(use_pump=use_pump, **settings) as memory:  # type: ignore[arg-type]
        yield Guarded(memory, authority, crt, settings)


@TRANSPORTS
async def test_only_who_shows_a_terminals_certificate_is_that_terminal(
    use_pump: bool, tmp_path: Path
) -> None:
    """Its own, its partner's or its programme's certificate lets it in, with its key; none, a stranger's, one
    that is over, one for servers, another terminal's and one that names nobody do not, each told by reason.
    """
    async with guarded_front(tmp_path, use_pump=use_pump) as guarded:
        issue = guarded.authority.issue
        for names in (
            [TERMINAL],
            ["urn:cityswitch:partner:1", "urn:other:x"],
            ["urn:cityswitch:programme:1"],
        ):
            line = await guarded.sign_on(issue(*names)[0])
            assert line is not None
            assert (await line.ask(Echo(stan=1, terminal_time=0))).code == 0
        assert guarded.memory.meters.handshakes == {"accepted": 3}
        assert await guarded.refused(None) == (
            "certificate_missing",
            "PEER_DID_NOT_RETURN_A_CERTIFICATE",
            None,
        )
        (tmp_path / "theirs").mkdir()
        stranger, _ = Authority(tmp_path / "theirs", "stranger").issue(TERMINAL)
        late, _ = issue(TERMINAL, to_days=-1)
        server, _ = issue(TERMINAL, usage=ExtendedKeyUsageOID.SERVER_AUTH)
        for certificate, problem in ((stranger, "local issuer"), (late, "expired"), (server, "purpose")):
            reason, why, terminal = await guarded.refused(certificate)
            assert (reason, terminal) == ("certificate_refused", None)
            assert problem in (why or "")
        own, _ = issue(TERMINAL)
        assert await guarded.refused(own, 2) == ("certificate_of_others", "it names terminal:1", 2)
        nobody, _ = issue()
        assert await guarded.refused(nobody) == ("certificate_of_others", "it names no terminal", 1)


@TRANSPORTS
async def test_names_that_are_no_text_name_nobody(use_pump: bool, tmp_path: Path) -> None:
    """What an authority signed unread shuts its owner out, and nobody else."""
    async with guarded_front(tmp_path, use_pump=use_pump) as guarded:
        for raw in (b"\x30\x04\x86\x02\xff\xfe", b"\x30\x04\x86\x02\x00\x00", b"\x30\x00"):
            odd, _ = guarded.authority.issue(raw_names=raw)
            reason, _, terminal = await guarded.refused(odd)
            assert (reason, terminal) == ("certificate_of_others", 1)
        assert await guarded.sign_on(guarded.authority.issue(TERMINAL)[0]) is not None


async def test_a_certificate_is_no_key(tmp_path: Path) -> None:
    """Who has a terminal's certificate and not its key is refused as anybody is."""
    async with guarded_front(tmp_path) as guarded:
        context = ssl.create_default_context(cafile=str(guarded.server))
        context.load_cert_chain(guarded.authority.issue(TERMINAL)[0])
        stream = TlsStream(await guarded.memory.connect(), context)
        await stream.shake_hands()
        assert not await Line(stream, 1, key=bytes(32)).sign_in()
        assert guarded.memory.meters.sign_on_refusals == {"wrong_key": 1}


async def test_what_is_revoked_is_refused_from_the_reload_on(tmp_path: Path) -> None:
    """Who is on line stays; the next sign-on with a revoked certificate is refused, and no session can be
    resumed; another authority at the next reload shuts the first one's out.
    """
    async with guarded_front(tmp_path) as guarded:
        certificate, serial = guarded.authority.issue(TERMINAL)
        good, _ = guarded.authority.issue(TERMINAL)
        line = await guarded.sign_on(certificate)
        assert line is not None
        assert isinstance(line.stream, TlsStream)
        assert line.stream.tls.session is None or not line.stream.tls.session.has_ticket
        doorway = guarded.memory.front.doorway
        lists = {"tls_client_crl": str(guarded.authority.revoke([serial]))}
        doorway._config.adopt(msgspec.convert(guarded.config | lists, Config))
        doorway.reload()
        assert (await line.ask(Echo(stan=1, terminal_time=0))).code == 0
        assert await guarded.refused(certificate) == ("certificate_refused", "certificate revoked", None)
        assert await guarded.sign_on(good) is not None
        guarded.authority.revoke([], to_days=-1)
        doorway.reload()
        assert await guarded.refused(good) == ("certificate_refused", "CRL has expired", None)
        (tmp_path / "other").mkdir()
        other = Authority(tmp_path / "other")
        changed = guarded.config | {"tls_client_ca": str(other.ca), "tls_client_crl": ""}
        doorway._config.adopt(msgspec.convert(changed, Config))
        doorway.reload()
        assert (await guarded.refused(good))[0] == "certificate_refused"
        assert await guarded.sign_on(other.issue(TERMINAL)[0]) is not None


async def test_who_stands_behind_a_revoked_authority_is_refused(tmp_path: Path) -> None:
    """An authority in between is revoked by the root's list; while it is not, its terminals are let in, and
    without the list of one of the two nobody is.
    """
    async with guarded_front(tmp_path) as guarded:
        root = guarded.authority
        between = Authority(tmp_path, "between", root)
        certificate, _ = between.issue(TERMINAL)
        certificate.write_bytes(certificate.read_bytes() + between.ca.read_bytes())
        doorway = guarded.memory.front.doorway
        lists = tmp_path / "lists.crl"
        doorway._config.adopt(msgspec.convert(guarded.config | {"tls_client_crl": str(lists)}, Config))
        theirs = between.revoke([]).read_bytes()
        for alone in (theirs, root.revoke([]).read_bytes()):
            lists.write_bytes(alone)
            doorway.reload()
            refused = await guarded.refused(certificate)
            assert refused == ("certificate_refused", "unable to get certificate CRL", None)
        lists.write_bytes(theirs + root.revoke([]).read_bytes())
        doorway.reload()
        assert await guarded.sign_on(certificate) is not None
        lists.write_bytes(theirs + root.revoke([2]).read_bytes())
        doorway.reload()
        assert await guarded.refused(certificate) == ("certificate_refused", "certificate revoked", None)


def test_a_certificate_among_the_lists_is_not_trusted(tmp_path: Path) -> None:
    """OpenSSL would take it for an authority: a file that holds one, with lists or alone, is refused."""
    crt, key = make_certificate(tmp_path)
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    lists = tmp_path / "lists"
    config = Config(
        tls="on",
        tls_certificate=str(crt),
        tls_key=str(key),
        tls_client_ca=str(authority.ca),
        tls_client_crl=str(lists),
    )
    revoked = authority.revoke([]).read_bytes()
    for more in (stranger.ca.read_bytes(), stranger.ca.read_bytes() + revoked, revoked + crt.read_bytes()):
        lists.write_bytes(more)
        with pytest.raises(ConfigError, match="tls_client_crl cannot be used: a certificate stands in it"):
            read_certificate(config)
    lists.write_bytes(authority.ca.read_bytes())
    with pytest.raises(ConfigError, match="or no list does"):
        read_certificate(config)
    lists.write_bytes(revoked)
    assert read_certificate(config) is not None


async def test_the_simulated_terminal_shows_its_certificate(tmp_path: Path) -> None:
    """`Address.certificate`: a file with certificate and key."""
    async with guarded_front(tmp_path) as guarded:
        certificate, _ = guarded.authority.issue(TERMINAL)
        address = Address("localhost", guarded.memory.port, True, guarded.server, certificate)
        channel = await connector(address)()
        line = Line(None)  # type: ignore[arg-type]
        await channel.send(line.session.data_to_send())
        assert await channel.receive()
        channel.close()


def test_files_that_cannot_be_used_are_told_in_a_line(tmp_path: Path) -> None:
    """An authority or a list that is missing, empty or no such thing; a list without an authority, an
    authority without TLS.
    """
    crt, key = make_certificate(tmp_path)
    authority = Authority(tmp_path)
    files = {"tls": "on", "tls_certificate": str(crt), "tls_key": str(key)}
    empty = tmp_path / "empty"
    empty.write_text("")
    for ca in (empty, tmp_path / "none", key):
        with pytest.raises(ConfigError, match="tls_client_ca cannot be used"):
            read_certificate(msgspec.convert(files | {"tls_client_ca": str(ca)}, Config))
    wanted = files | {"tls_client_ca": str(authority.ca)}
    broken = tmp_path / "broken"
    broken.write_bytes(authority.revoke([]).read_bytes().replace(b"M", b"?"))
    for crl in (empty, tmp_path / "none", broken):
        config = msgspec.convert(wanted | {"tls_client_crl": str(crl)}, Config)
        with pytest.raises(ConfigError, match="tls_client_crl cannot be used"):
            read_certificate(config)
    for settings, problem in (
        ({"tls_client_ca": str(authority.ca)}, "without TLS"),
        (files | {"tls_client_crl": "x"}, "revokes certificates of"),
    ):
        file = tmp_path / "cityswitch.toml"
        file.write_text("".join(f'{name} = "{value}"\n' for name, value in settings.items()))
        with pytest.raises(ConfigError, match=problem):
            load_config(file)


def test_the_end_of_a_list_is_found_before_it_comes(tmp_path: Path) -> None:
    """The doctor warns a week before nobody is let in any more, and calls it a danger from then on."""
    authority = Authority(tmp_path)
    config = Config(tls_client_crl=str(authority.revoke([1, 2], to_days=10)))
    until = revocations_until(config)
    assert until is not None
    day = 86_400_000
    levels = [judge_revocations(until, until - left * day).level for left in (9, 3, 0)]
    assert levels == ["ok", "warning", "danger"]
    assert revocations_until(Config()) is None
    Path(config.tls_client_crl).write_bytes(authority.revoke([], to_days=-1).read_bytes().strip())
    with structlog.testing.capture_logs() as lines:
        crt, key = make_certificate(tmp_path)
        files = {
            "tls": "on",
            "tls_certificate": str(crt),
            "tls_key": str(key),
            "tls_client_ca": str(authority.ca),
        }
        warn_of_certificate(msgspec.convert(files | {"tls_client_crl": config.tls_client_crl}, Config))
    assert [(line["event"], "revoked" in line["problem"]) for line in lines] == [
        ("certificate_invalid", True)
    ]
    assert judge_revocations(None, 0).level == "ok"


def test_names_are_whole_and_told_in_part() -> None:
    """terminal:1 is not terminal:12; of many long names the log has a few and cut ones."""
    terminal = make_directory(terminals=12).terminals[12]
    assert not covers(frozenset([TERMINAL]), terminal)
    assert not covers(frozenset(["terminal:12", "urn:cityswitch:terminal:012"]), terminal)
    assert covers(frozenset(["urn:cityswitch:terminal:12"]), terminal)
    assert covers(None, terminal)
    many = frozenset(f"urn:cityswitch:terminal:{n:0>200}" for n in range(50))
    assert len(told(many)) < 150
