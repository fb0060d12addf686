"""Settings and certificate change under a running switch; what cannot is told, what is wrong refused."""

import re
import ssl
from pathlib import Path
from unittest.mock import Mock

import msgspec
import pytest
import structlog.testing
import trio
from cryptography import x509

from ledger.postgres.database import Database
from ledger.registry.secrets import MasterKey
from switch.clock import clock_ms
from switch.config import RELOADABLE, Config, ConfigError
from switch.process.certificate import read_certificate
from switch.process.supervisor import Running, Supervisor
from switch.process.worker import Worker
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.certificates import make_certificate
from tests.switch.city import http_get, seed
from tests.switch.test_supervisor import make_config


def tls_config(directory: Path, **changes: int) -> Config:
    crt, key = make_certificate(directory, **changes)
    return Config(tls="on", tls_certificate=str(crt), tls_key=str(key))


def test_settings_read_at_use_change_and_others_wait() -> None:
    """A reload takes what is read at use, and names what needs a restart."""
    config = Config(log_level="info", idle_s=10, workers=1)
    changes = config.adopt(Config(log_level="debug", idle_s=10, workers=2, dsn="postgresql://x"))
    assert changes.taken == {"log_level": "debug"}
    assert changes.need_restart == ["workers", "dsn"]
    assert (config.log_level, config.workers, config.dsn) == ("debug", 1, "")
    assert set(Config.__struct_fields__) >= RELOADABLE


def test_a_certificate_has_its_time(tmp_path: Path) -> None:
    """Valid, expired, not yet valid: each is told with its date and a cure."""
    valid = read_certificate(tls_config(tmp_path))
    assert valid is not None
    assert valid.problem(clock_ms()) is None
    expired = read_certificate(tls_config(tmp_path, from_days=-3, to_days=-2))
    assert expired is not None
    assert "expired at 20" in str(expired.problem(clock_ms()))
    early = read_certificate(tls_config(tmp_path, from_days=1, to_days=2))
    assert early is not None
    assert "not valid before 20" in str(early.problem(clock_ms()))
    assert read_certificate(Config()) is None


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    """Another key's certificate, or no certificate at all: one line."""
    config = tls_config(tmp_path)
    key = Path(config.tls_key).read_bytes()
    make_certificate(tmp_path)
    Path(config.tls_key).write_bytes(key)
    with pytest.raises(ConfigError, match="belong together"):
        read_certificate(config)
    Path(config.tls_certificate).write_text("nothing")
    with pytest.raises(ConfigError, match="cannot be used"):
        read_certificate(config)


@pytest.mark.parametrize(
    "error", [ssl.SSLError("a broken list"), FileNotFoundError("gone"), ConfigError("x")]
)
def test_a_file_that_changes_under_a_reload_ends_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """It was whole when it was read first and is not when the doorway reads it: told, and all goes on."""
    config = tls_config(tmp_path)
    worker = Worker(config, 0, MasterKey.create(tmp_path / "master.key"))
    monkeypatch.setattr("switch.process.worker.configure_logs", Mock())
    front = Mock()
    front.doorway.reload.side_effect = error
    worker._front = front
    with structlog.testing.capture_logs() as lines:
        worker.reload(config)
    assert [(line["event"], line["problem"]) for line in lines if "problem" in line] == [
        ("certificate_not_reloaded", str(error))
    ]


def test_a_reload_tries_again_what_did_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed is woken: it opens the keys whose master key has come meanwhile."""
    worker = Worker(Config(), 0, MasterKey.create(tmp_path / "master.key"))
    monkeypatch.setattr("switch.process.worker.configure_logs", Mock())
    worker.reload(Config())  # before there is a feed
    worker._feed = feed = Mock()
    worker.reload(Config())
    feed.wake.assert_called_once_with()


async def serial_of(running: Running) -> int:
    """The serial number of the certificate that terminals see now."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with await trio.open_tcp_stream(running.host, running.port) as plain:
        stream = trio.SSLStream(plain, context)
        await stream.do_handshake()
        return x509.load_der_x509_certificate(stream.getpeercert(binary_form=True)).serial_number


def expiry_s(page: bytes) -> float:
    """The moment of expiry on a page of metrics."""
    (value,) = re.findall(rb"^cityswitch_certificate_expiry_timestamp_seconds (\S+)$", page, re.MULTILINE)
    return float(value)


async def test_a_reload_changes_certificate_and_limits(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Certificate, limits and log level change under way; a bad certificate changes nothing."""
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    crt, key = make_certificate(tmp_path, serial=1)
    config = msgspec.structs.replace(
        make_config(fresh, tmp_path, 1),
        tls="on",
        tls_certificate=str(crt),
        tls_key=str(key),
        log_level="info",
    )
    stop, ready = trio.Event(), trio.Event()
    told: list[Running] = []

    def on_ready(running: Running) -> None:
        told.append(running)
        ready.set()

    supervisor = Supervisor(config, on_ready)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervisor.run, stop)
        await ready.wait()
        pids = supervisor.pids
        assert await serial_of(told[0]) == 1
        _, before = await http_get(told[0].http[0], "/metrics")
        make_certificate(tmp_path, serial=2, to_days=300)
        supervisor.reload(msgspec.structs.replace(config, idle_s=7, workers=2, log_level="debug"))
        with trio.fail_after(HANG_S):
            while await serial_of(told[0]) != 2:
                await trio.lowlevel.checkpoint()
        _, after = await http_get(told[0].http[0], "/metrics")
        crt.write_text("no certificate")
        with pytest.raises(ConfigError):
            supervisor.reload(config)
        assert await serial_of(told[0]) == 2
        assert supervisor.pids == pids
        stop.set()
    assert expiry_s(after) > expiry_s(before) > clock_ms() / 1_000
    log = capfd.readouterr().err
    assert '"changed":{"idle_s":7.0,"log_level":"debug"}' in log.replace(" ", "")
