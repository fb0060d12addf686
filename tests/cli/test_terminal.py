"""A terminal at the command line against a real switch: receipts, statuses, a shift at the keyboard."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.cli import main
from ops.cli.terminal_menu import Keyboard
from ops.exit_codes import Exit
from ops.place.running import read_note
from protocol import luhn_digit
from simulators.city.example import CITY, EXAMPLE_CARD, HAND_TERMINAL
from tests.cli.office import SURE
from tests.patience import HANG_S

BLOCKED_CARD = CITY.card_digits(31)


def new_card() -> str:
    """Return a card number that no registry has."""
    return "961600999999999" + luhn_digit("961600999999999")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state directory in which `cityswitch serve` runs on free ports, with the simulated city."""
    directory = tmp_path_factory.mktemp("state")
    here = ["--state-dir", str(directory)]
    command = [sys.executable, "-m", "ops.cli", "serve", "--listen-port", "0", "--http-port", "0", *here]
    assert main(["init", *here]) == Exit.OK
    with (directory / "serve.log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            while '"event":"serving"' not in (directory / "serve.log").read_text():
                assert process.poll() is None, (directory / "serve.log").read_text()
                threading.Event().wait(0.05)
            assert main(["simulate", "city", *here]) == Exit.OK
            yield directory
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(HANG_S) == 0, (directory / "serve.log").read_text()
    assert read_note(directory) is None


def ask(
    state: Path, capsys: pytest.CaptureFixture[str], *words: str, as_json: bool = True
) -> tuple[int, str]:
    """Run a request of the terminal; return its status and what it printed."""
    status = main(["terminal", *words, "--state-dir", str(state), *(["--json"] if as_json else [])])
    return status, capsys.readouterr().out


def test_a_payment_is_printed_as_paper(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`terminal earn` prints the Polish receipt in a box, the card masked, and ends with status 0."""
    status, out = ask(state, capsys, "earn", "--card", EXAMPLE_CARD, "--amount", "45,90", as_json=False)
    assert status == Exit.OK
    assert "Przyznane punkty: 4" in out
    assert "45,90 zł" in out
    assert EXAMPLE_CARD not in out
    assert f"****{EXAMPLE_CARD[-4:]}" in out
    lines = out.strip().splitlines()
    assert {len(line) for line in lines} == {36}
    assert lines[0].startswith("┌")


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-2", "cp1250", "utf-8"])
def test_a_sale_prints_on_every_terminal(state: Path, encoding: str) -> None:
    """Whatever the terminal can show, the sale is approved with status 0 and its receipt is on the screen."""
    done = in_shell(
        state, 'exec "$@"', "earn", "--card", CITY.card_digits(4), "--amount", "10", encoding=encoding
    )
    assert done.returncode == Exit.OK, done.stderr
    assert "Przyznane punkty: 1" in done.stdout.decode(encoding)
    assert done.stderr == b""


@pytest.mark.parametrize("sink", [">/dev/full", ">&-", "| :"])
def test_a_sale_counts_though_its_receipt_is_lost(
    state: Path, sink: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With nowhere to print the status is that of the sale, and the receipt is offered: no second sale."""
    card = CITY.card_digits(5)
    before = json.loads(ask(state, capsys, "balance", "--card", card)[1])["balance"]
    done = in_shell(state, f'"$@" {sink}; exit ${{PIPESTATUS[0]}}', "earn", "--card", card, "--amount", "10")
    assert done.returncode == Exit.OK, done.stderr
    stan = re.search(rb"terminal status --stan (\d+)", done.stderr)
    assert stan, done.stderr
    again = ask(state, capsys, "status", "--card", card, "--stan", stan[1].decode(), as_json=False)
    assert again[0] == Exit.OK
    assert "Przyznane punkty: 1" in again[1]
    assert json.loads(ask(state, capsys, "balance", "--card", card)[1])["balance"] == before + 1


def in_shell(
    state: Path, script: str, *words: str, encoding: str = "utf-8"
) -> "subprocess.CompletedProcess[bytes]":
    """Run a request of the terminal, "$@" in a script of a shell, with a character set."""
    command = ["bash", "-c", script, "bash", sys.executable, "-m", "ops.cli", "terminal", *words]
    return subprocess.run(
        [*command, "--state-dir", str(state)],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )


def test_a_refusal_is_told_with_a_status_of_its_own(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Blocked and unknown cards, bad amounts and too few points: printed, and status 7."""
    for words, result in (
        (("earn", "--card", BLOCKED_CARD, "--amount", "10"), "CARD_BLOCKED"),
        (("earn", "--card", new_card(), "--amount", "10"), "CARD_UNKNOWN"),
        (("earn", "--card", CITY.track2(1), "--amount", "0"), "AMOUNT_ZERO"),
        (("earn", "--card", CITY.card_digits(1), "--amount", "-5"), "AMOUNT_NEGATIVE"),
        (("redeem", "--card", CITY.card_digits(1), "--points", "100"), "POINTS_INSUFFICIENT"),
        (("redeem", "--card", CITY.card_digits(1), "--points", "99"), "TIER_UNKNOWN"),
        (("status", "--card", CITY.card_digits(1), "--stan", "1"), "STAN_UNKNOWN"),
    ):
        status, out = ask(state, capsys, *words)
        assert (status, json.loads(out)["result"]) == (Exit.DECLINED, result)
    assert ask(state, capsys, "status", "--card", CITY.card_digits(1), "--stan", "900") == (Exit.USAGE, "")


def test_earn_redeem_reverse_and_ask(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One card's day in single requests: the balance follows, a status tells, the totals agree."""
    card = CITY.card_digits(2)
    earned = json.loads(ask(state, capsys, "earn", "--card", card, "--amount", "2000.00")[1])
    assert (earned["points"], earned["balance"]) == (200, 200)
    redeemed = json.loads(ask(state, capsys, "redeem", "--card", card, "--points", "100")[1])
    assert (redeemed["points"], redeemed["balance"], redeemed["amount_grosze"]) == (-100, 100, 1000)
    stan = str(redeemed["stan"])
    found = json.loads(ask(state, capsys, "status", "--card", card, "--stan", stan)[1])
    assert found["original"]["transaction_id"] == redeemed["transaction_id"]
    assert ask(state, capsys, "reversal", "--card", card, "--stan", stan)[0] == Exit.OK
    assert json.loads(ask(state, capsys, "balance", "--card", card)[1])["balance"] == 200
    assert ask(state, capsys, "totals")[0] == Exit.OK
    assert ask(state, capsys, "echo", as_json=False)[0] == Exit.OK


def test_a_shift_at_the_keyboard(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Swipe, key, reverse, mistype: mistakes do not end the shift, the end of input does."""
    card = CITY.card_digits(3)
    keys = f"earn\n{CITY.track2(3)}\n12,50\n3\n\n4\n4\nnonsense\n1\n123\n2\n{card}\nten\n6\n7\n5\n\n1\n"
    reading, writing = os.pipe()
    os.write(writing, keys.encode())
    os.close(writing)
    monkeypatch.setattr("ops.cli.terminal_menu.Keyboard", lambda: Keyboard(reading))
    assert main(["terminal", "--state-dir", str(state)]) == Exit.OK
    os.close(reading)
    out, err = capsys.readouterr()
    for printed in (
        "Terminal 10000301 · ",
        "Przyznane punkty: 1",
        "Stan punktów: 1",
        "Anulowano transakcję",
        "The switch is there.",
        "reversal count   1",
    ):
        assert printed in out
    for said in (
        "no transaction in this shift",
        "one of the numbers",
        "this is no card",
        "whole number of points",
    ):
        assert said in err
    assert card not in out + err


def test_one_terminal_is_one_process(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two processes cannot be the same terminal: they would spend the same STANs. Status 6."""
    from simulators.till.store import TerminalMemory

    path = state / "terminals" / f"{HAND_TERMINAL}.memory"
    with TerminalMemory.open(path, HAND_TERMINAL):
        status = main(["terminal", "echo", "--state-dir", str(state)])
    assert status == Exit.STATE
    assert "in use" in capsys.readouterr().err


def test_a_wrong_key_and_a_blocked_terminal_look_alike(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are refused with status 7 and the same words, which name the three causes there are."""
    monkeypatch.setenv("CITYSWITCH_TERMINAL_KEY", "00" * 32)
    assert main(["terminal", "echo", "--state-dir", str(state)]) == Exit.DECLINED
    monkeypatch.delenv("CITYSWITCH_TERMINAL_KEY")
    wrong_key = capsys.readouterr().err
    assert main(["terminals", "block", str(HAND_TERMINAL), *SURE, "--state-dir", str(state)]) == Exit.OK
    capsys.readouterr()
    try:
        echo = ["terminal", "echo", "--state-dir", str(state)]
        while (status := main(echo)) in {Exit.OK, Exit.CANNOT_CONNECT}:
            capsys.readouterr()  # the block is on its way to the worker, or cuts a session there is
        assert status == Exit.DECLINED
        assert capsys.readouterr().err == wrong_key
    finally:
        assert main(["terminals", "unblock", str(HAND_TERMINAL), "--state-dir", str(state)]) == Exit.OK


def test_the_running_database_is_shared(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While a switch runs on the embedded Postgres, other commands use that one and start none."""
    assert main(["ledger", "verify", "--state-dir", str(state)]) == Exit.OK
    out, err = capsys.readouterr()
    assert "started the embedded" not in err
    assert re.search(r"(\d+) of \1 invariants hold", out)


def test_a_second_serve_in_a_state_directory_is_told_who_holds_it(state: Path) -> None:
    """It ends with status 6, names process and command, and leaves the first one's note alone."""
    note = read_note(state)
    assert note is not None
    command = [sys.executable, "-m", "ops.cli", "serve", "--state-dir", str(state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == Exit.STATE
    assert f"process {note.pid} (cityswitch serve) since" in done.stderr
    assert read_note(state) == note


def test_a_port_in_use_ends_serve_with_its_own_status(state: Path, tmp_path: Path) -> None:
    """A second switch on the same port ends with status 5 and one line with the cure."""
    note = read_note(state)
    assert note is not None
    other = tmp_path / "other"
    assert main(["init", "--state-dir", str(other)]) == Exit.OK
    command = [sys.executable, "-m", "ops.cli", "serve", "--state-dir", str(other)]
    command += ["--listen-port", str(note.port), "--http-port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == Exit.PORT
    assert "--listen-port" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_fleet_trades_and_settles(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`simulate fleet` drives the switch from processes of its own, settles, and reports as JSON."""
    words = [
        "simulate",
        "fleet",
        "--terminals",
        "5",
        "--cut-offs",
        "0.05",
        "--json",
        "--state-dir",
        str(state),
    ]
    report, seconds = {"transactions": 0}, 0.25
    while not report["transactions"]:  # a slow machine needs longer for the first one
        seconds *= 2
        assert main([*words, "--seconds", str(seconds)]) == Exit.OK
        report = json.loads(capsys.readouterr().out)
    assert report["remaining"] == []
    assert main(["simulate", "fleet", "--terminals", "5000", "--state-dir", str(state)]) == Exit.USAGE


@pytest.mark.parametrize(
    ("words", "result"),
    [
        (("verify",), "APPROVED"),
        (("quote", "earn", "--amount", "10"), "APPROVED"),
        (("quote", "benefit", "--amount", "10", "--number", "17"), "BENEFIT_UNKNOWN"),
        (("benefit", "17", "--amount", "25", "--seen-id", "--no-other"), "BENEFIT_UNKNOWN"),
        (("refund", "--amount", "5", "--stan", "1", "--of-terminal", "99999999"), "ORIGINAL_UNKNOWN"),
        (("report", "retained"), "NOT_SUPPORTED"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_every_message_can_be_sent(
    state: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], result: str
) -> None:
    """Each is answered as this city's programme has it, and the exit status says whether it was approved."""
    status, out = ask(state, capsys, *words, "--card", CITY.card_digits(7))
    assert json.loads(out)["result"] == result
    assert status == (Exit.OK if result == "APPROVED" else Exit.DECLINED)


def test_a_receipt_in_another_language(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--language en` prints in English, and `--entry` says how the card was read."""
    words = ("earn", "--card", CITY.card_digits(8), "--amount", "10", "--language", "en", "--entry", "keyed")
    status, out = ask(state, capsys, *words, as_json=False)
    assert status == Exit.OK
    assert "Points" in out


def test_a_rebate_above_what_is_to_pay(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`terminal redeem --amount` says what is to pay: no rebate above it is given."""
    words = ("redeem", "--card", CITY.card_digits(9), "--points", "100", "--amount", "9.99")
    status, out = ask(state, capsys, *words)
    assert (status, json.loads(out)["result"]) == (Exit.DECLINED, "REBATE_OVER_AMOUNT")


def test_a_key_is_changed_and_works(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`terminal change-key` stores the next key; the sale after it is made with it, from the memory alone."""
    status, out = ask(state, capsys, "change-key")
    assert (status, json.loads(out)) == (Exit.OK, {"terminal": HAND_TERMINAL, "generation": 2})
    for _ in range(2):
        status, _ = ask(state, capsys, "earn", "--card", EXAMPLE_CARD, "--amount", "10")
        assert status == Exit.OK
