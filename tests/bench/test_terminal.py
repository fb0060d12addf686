"""The blocking terminal against a scripted switch: what it sends, what it takes, and how it fails."""

from collections.abc import Iterator

import pytest

from bench.city import identity
from bench.load.terminal import STAN_SKIP, BlockingTerminal, LineError, LineFault
from protocol import Balance, Earn, Echo, Redeem, Reversal, SignOff, SignOn, TransactionReply
from protocol.limits import STAN_MAX
from simulators.till.identity import TerminalIdentity
from tests.bench.scripted_switch import CITY, ScriptedSwitch, Step, closed_port, scripted_switch


@pytest.fixture
def switch() -> Iterator[ScriptedSwitch]:
    with scripted_switch() as running:
        yield running


def connect(switch: ScriptedSwitch, index: int = 0) -> BlockingTerminal:
    return BlockingTerminal.connect("127.0.0.1", switch.port, identity(CITY, index))


def fault_of(action: object) -> LineFault:
    assert callable(action)
    with pytest.raises(LineError) as caught:
        action()
    return caught.value.fault


def test_a_day_at_the_till_goes_over_one_line(switch: ScriptedSwitch) -> None:
    """Every request of a till arrives as it was meant, each with a STAN of its own, and is answered."""
    card = CITY.track2(5)
    with connect(switch) as line:
        line.sign_on()
        assert line.echo().code == 0
        sale = line.earn(card, 4_590).reply
        line.balance(card)
        line.redeem(card, 100)
        line.reverse(card, sale.stan)
        line.sign_off()
    kinds = [type(request) for request in switch.requests]
    assert kinds == [SignOn, Echo, Earn, Balance, Redeem, Reversal, SignOff]
    stans = [request.stan for request in switch.requests]
    assert stans == sorted(set(stans))
    earn, reversal = switch.requests[2], switch.requests[5]
    assert isinstance(earn, Earn)
    assert (earn.card, earn.amount) == (card, 4_590)
    assert isinstance(reversal, Reversal)
    assert reversal.original_stan == earn.stan


def test_replies_come_with_code_and_size(switch: ScriptedSwitch) -> None:
    """An answer carries the reply, its code and the size of the frame on the wire, tag included."""
    switch.script.append(Step(code=45))
    with connect(switch) as line:
        answer = line.balance(CITY.card_digits(1))
    assert answer.code == 45
    assert isinstance(answer.reply, TransactionReply)
    assert answer.size > 4 + 16 + len("paragon")


@pytest.mark.parametrize("chunk", [1, 3, 17])
def test_replies_may_come_in_pieces(switch: ScriptedSwitch, chunk: int) -> None:
    """However the network cuts a reply, it is the same reply."""
    switch.script.append(Step(chunk=chunk))
    with connect(switch) as line:
        assert line.balance(CITY.card_digits(1)).code == 0


@pytest.mark.parametrize("last_stan", [STAN_MAX, STAN_MAX - 3, STAN_MAX - STAN_SKIP])
def test_no_stan_is_used_again_after_the_last(switch: ScriptedSwitch, last_stan: int) -> None:
    """A STAN is never reset: near the end of the numbers the terminal ends, and begins at none anew."""
    switch.last_stan = last_stan
    with connect(switch) as line:
        line.sign_on()
        assert fault_of(line.echo) is LineFault.STANS_SPENT
    assert [type(request) for request in switch.requests] == [SignOn]


def test_stans_go_past_what_the_switch_has_seen(switch: ScriptedSwitch) -> None:
    """A terminal without a memory goes on well past the last STAN of its earlier runs."""
    switch.last_stan = 7_000
    with connect(switch) as line:
        line.sign_on()
        assert line.echo().reply.stan == 7_000 + STAN_SKIP + 1


def test_a_declined_sign_on_ends_the_line(switch: ScriptedSwitch) -> None:
    """A terminal that cannot be signed on says so and closes."""
    switch.sign_on_code = 10
    with connect(switch) as line:
        assert fault_of(line.sign_on) is LineFault.SIGN_ON


def test_a_suspended_partner_s_terminal_is_signed_on(switch: ScriptedSwitch) -> None:
    """Its reversals and totals are served, so the line stays."""
    switch.sign_on_code = 31
    with connect(switch) as line:
        line.sign_on()
        assert line.echo().code == 0


def test_nobody_listens() -> None:
    """A closed port is told apart from every other fault."""
    port = closed_port()
    assert (
        fault_of(lambda: BlockingTerminal.connect("127.0.0.1", port, identity(CITY, 0))) is LineFault.REFUSED
    )


def test_a_wrong_key_is_a_refused_handshake(switch: ScriptedSwitch) -> None:
    """The switch closes without a word; the terminal says that it was the handshake."""
    wrong = TerminalIdentity(identity(CITY, 0).terminal, bytes(32))
    assert fault_of(lambda: BlockingTerminal.connect("127.0.0.1", switch.port, wrong)) is LineFault.HANDSHAKE


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (Step(answer=False, close=True), LineFault.CLOSED),
        (Step(stan_shift=1), LineFault.PROTOCOL),
        (Step(garbage=b"\xff\xff"), LineFault.PROTOCOL),
    ],
    ids=["closed", "another STAN", "garbage"],
)
def test_a_lost_line_is_closed(switch: ScriptedSwitch, step: Step, fault: LineFault) -> None:
    """Whatever breaks the line, the caller gets one kind of error and the line is gone."""
    switch.script.append(step)
    with connect(switch) as line:
        assert fault_of(line.echo) is fault
        assert fault_of(line.echo) is LineFault.CLOSED


def test_no_answer_ends_at_the_deadline(switch: ScriptedSwitch) -> None:
    """A switch that says nothing does not hold the terminal for ever."""
    switch.script.append(Step(answer=False))
    with connect(switch) as line:
        assert fault_of(lambda: line.ask(Echo(1, 0), timeout_s=0.01)) is LineFault.TIMED_OUT
