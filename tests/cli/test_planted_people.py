"""Persons are planted through the office, a switch serves their cards, and nothing of them is found in it."""

import io
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from ledger.postgres.database import Database
from ledger.registry.secrets import MasterKey
from ops.cli import main
from ops.exit_codes import Exit
from protocol import Balance, Earn
from tests.cli.test_serve import ended, start, until_serving, workers
from tests.entries import SWIPED
from tests.postgres import FreshDatabase
from tests.switch.city import http_get, seed
from tests.switch.memory import CARD, Line

PLANTED = {
    "name": "Bożydar Źdźbłowąs-Qxyzzy",
    "pesel": "11111191738",
    "born_on": "1911-11-11",
    "address": "Plac Kwitnących Jarzębin 4711",
    "phone": "+48 511 909 313",
    "email": "bozydar.qxyzzy@poczta.example",
    "pickup": "POK przy Wieżowym Wrzosowisku",
}
KNOWN = "Piekarnia Kłos"
"""What a worker does hold: a search that does not find it proves nothing."""


def forms(text: str) -> Iterator[bytes]:
    """How a text may stand in memory: as sent, and as Python keeps it."""
    for encoding in ("utf-8", "utf-16-le", "utf-32-le", "latin-1", "iso-8859-2"):
        try:
            yield text.encode(encoding)
        except UnicodeEncodeError:
            continue


def memory_of(pid: int) -> Iterator[bytes]:
    """Every piece of memory a process has written to."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw.. \S+ \S+ \S+\s*(\S*)", line)
            if found is None or found[3] in {"[vvar]", "[vsyscall]"}:
                continue
            begin, end = int(found[1], 16), int(found[2], 16)
            memory.seek(begin)
            try:
                yield memory.read(end - begin)
            except OSError:
                continue


def found_in(pieces: list[bytes], texts: list[str]) -> list[str]:
    """Those of the texts that stand in one of the pieces."""
    return [text for text in texts if any(form in piece for piece in pieces for form in forms(text))]


def office(
    fresh: FreshDatabase, state: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], typed: str
) -> None:
    """Run a command of the office."""

    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    place = ["--dsn", fresh.owner_dsn, "--state-dir", str(state)]
    assert main([*words, *place, "--master-key-file", str(state / "master.key")]) == Exit.OK


async def test_no_person_is_in_memory_logs_or_metrics(
    fresh: FreshDatabase,
    owner: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Name, PESEL, birth, address, phone, e-mail: in no byte of a worker, its supervisor, log, page or
    trail.
    """
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    secrets = list(PLANTED.values())
    log_path = tmp_path / "serve.log"
    ports = ("--listen-port", "0", "--http-port", "0", "--log-level", "debug")
    with log_path.open("wb") as log, start(fresh, tmp_path, log.fileno(), *ports) as process:
        try:
            note = await until_serving(tmp_path, process)
            typed = "\n".join([CARD, *(f"{name}: {text}" for name, text in PLANTED.items())])
            for words in (["holders", "add", "--flags", "senior", "--json"], ["holders", "update"]):
                await trio.to_thread.run_sync(office, fresh, tmp_path, monkeypatch, words, typed)
            async with await trio.open_tcp_stream(note.host, note.port) as stream:
                line = Line(stream, 1)
                assert await line.sign_in()
                for stan in range(1, 40, 2):
                    earn = Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)
                    assert (await line.ask(earn)).code == 0
                    await line.ask(Balance(stan=stan + 1, terminal_time=0, card=CARD, entry=SWIPED))
            pages = [(await http_get(note.http[0], page))[1] for page in ("/metrics", "/healthz", "/readyz")]
            for pid in (process.pid, *workers(process)):
                pieces = list(memory_of(pid))
                assert sum(map(len, pieces)) > 1_000_000
                assert found_in(pieces, secrets) == []
                is_worker = pid != process.pid
                assert found_in(pieces, [KNOWN]) == ([KNOWN] if is_worker else found_in(pieces, [KNOWN]))
            assert found_in(pages, secrets) == []
            process.send_signal(signal.SIGTERM)
            assert await ended(process) == 0
        finally:
            process.kill()
    said = capfd.readouterr()
    assert found_in([log_path.read_bytes(), said.out.encode(), said.err.encode()], secrets) == []
    trail = await owner.run(lambda c: c.fetch("select * from registry.audit"))
    assert (
        found_in(
            [json.dumps([dict(row) for row in trail], default=str, ensure_ascii=False).encode()], secrets
        )
        == []
    )
    holder = await owner.run(lambda c: c.fetch("select * from registry.holder"))
    assert found_in([str(holder).encode()], secrets) == []
