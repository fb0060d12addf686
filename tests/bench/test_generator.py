"""The load generator against a scripted switch: what it counts, verifies and refuses, and when it sends."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from bench.peers.frames import whole_frames
from bench.throughput.generator import ClosedLoop
from bench.throughput.lines import open_lines
from bench.throughput.load_order import Load, LoadReport, Phase, Window
from bench.throughput.open_loop import OpenLoop, due_times
from bench.throughput.requests import REPEATED, draws
from bench.throughput.sealing import LoadFailed
from bench.throughput.towns import offer_number, towns
from protocol import Balance, BenefitUse, Earn, Verify, encode_request, parse_card
from simulators.city.population import Peculiarity
from simulators.fleet.histogram import Histogram
from tests.bench.scripted_switch import CITY, Step, scripted_switch

REPLIES = 24
"""So many are a window: time goes by replies here, so it holds as many on any machine."""


def load(port: int, **changes: Any) -> Load:
    order = Load(
        host="127.0.0.1",
        port=port,
        speaks="switch",
        seed=CITY.seed,
        cards=CITY.cards,
        partners=CITY.partners,
        terminals=3,
        depth=1,
        stan_first=1_000_000,
        sealed_ahead=20,
        verified_every=1,
    )
    return msgspec.structs.replace(order, **changes)


def drive(order: Load) -> LoadReport:
    lines = open_lines(order)
    try:
        loop = ClosedLoop(order, lines, clock=lambda: sum(line.answered for line in lines) / REPLIES)
        return loop.run(Window(0, 0, 1))
    finally:
        for line in lines:
            line.close()


@contextmanager
def echo_server(*, spoil: bool = False) -> Iterator[int]:
    def serve() -> None:
        sock, _ = listening.accept()
        with sock:
            while data := sock.recv(4096):
                sock.sendall(data[:-1] + b"?" if spoil else data)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            thread.join()


@pytest.mark.parametrize("verified_every", [1, 2])
@pytest.mark.parametrize("depth", [1, 4])
def test_closed_loop_has_every_request_answered(depth: int, verified_every: int) -> None:
    """Every request sent is answered and counted once, on verified connections and on the others."""
    with scripted_switch() as switch:
        report = drive(load(switch.port, depth=depth, verified_every=verified_every))
    assert report.sent == report.answered == len(switch.requests)
    assert report.codes == {0: report.sent}
    assert REPLIES <= report.replies <= report.answered
    assert report.verified == report.answered if verified_every == 1 else report.verified < report.answered


def test_terminals_send_purchases_with_stans_in_order() -> None:
    """Each terminal's STANs begin at `stan_first` and leave no gap, also past what was sealed ahead."""
    with scripted_switch() as switch:
        report = drive(load(switch.port, terminals=1, sealed_ahead=2))
    stans = [request.stan for request in switch.requests]
    assert stans == list(range(1_000_000, 1_000_000 + len(stans)))
    assert report.sealed_late > 0


@pytest.mark.parametrize("verified_every", [1, 2])
def test_codes_are_counted(verified_every: int) -> None:
    """A refusal is counted by its code on every kind of connection; split frames do not matter."""
    with scripted_switch() as switch:
        switch.script.extend([Step(code=10, chunk=7), Step(code=45), Step(code=10)])
        report = drive(load(switch.port, terminals=2, verified_every=verified_every))
    assert {code: count for code, count in report.codes.items() if code} == {10: 2, 45: 1}


@pytest.mark.parametrize("verified_every", [1, 2])
@pytest.mark.parametrize(
    "step", [Step(garbage=b"\0\x30" + bytes(48)), Step(close=True)], ids=["bytes", "end"]
)
def test_a_reply_that_is_none_fails_the_run(step: Step, verified_every: int) -> None:
    """Bytes that are no reply and a closed connection end the run: no figure comes of it."""
    with scripted_switch() as switch:
        switch.script.extend([step] * 2)
        with pytest.raises(LoadFailed):
            drive(load(switch.port, terminals=2, verified_every=verified_every))


def test_an_altered_echo_is_found() -> None:
    """A verified echo connection compares every byte that comes back."""
    with echo_server(spoil=True) as port, pytest.raises(LoadFailed, match="not what was sent"):
        drive(load(port, speaks="echo", terminals=1))


def test_balances_are_asked_and_read() -> None:
    """A load of balances sends nothing else, and reads the replies by their own shape."""
    with scripted_switch() as switch:
        report = drive(load(switch.port, asks="balance", verified_every=2))
    assert {type(request) for request in switch.requests} == {Balance}
    assert report.codes == {0: report.sent}


def test_repeats_are_purchases_sent_again() -> None:
    """After each connection's few purchases only these come, byte for byte, marked as sent before."""
    order = load(0, asks="repeat")
    draw_of = draws(order, CITY)
    draw = draw_of(0)
    first = [draw(order.stan_first + place) for place in range(REPEATED)]
    again = [draw(order.stan_first + place) for place in range(REPEATED, 3 * REPEATED)]
    assert [asked.message for asked in again] == [asked.message for asked in first] * 2
    assert {asked.is_repeat for asked in first} == {False}
    assert {asked.is_repeat for asked in again} == {True}
    assert draw_of(1)(order.stan_first) != first[0]
    with scripted_switch() as switch:
        drive(load(switch.port, asks="repeat", terminals=1, depth=REPEATED))
    assert {request.stan for request in switch.requests} == set(range(1_000_000, 1_000_000 + REPEATED))


def test_one_in_ten_is_declined_for_its_card() -> None:
    """By turns a card nobody has and one that is blocked; the others are sound."""
    order = load(0, asks="declined")
    draw = draws(order, CITY)(0)
    cards = [draw(1_000_000 + place).message.card for place in range(40)]  # type: ignore[union-attr]
    indices = [CITY.index_of(card) for card in cards]
    wrong = [place for place, index in enumerate(indices) if index is None or CITY.peculiarity(index)]
    assert wrong == [0, 10, 20, 30]
    kinds = [None if (index := indices[place]) is None else CITY.peculiarity(index) for place in wrong]
    assert kinds == [Peculiarity.BLOCKED, None] * 2


def test_each_benefit_is_verified_before_with_the_same_card() -> None:
    """By turns VERIFY and BENEFIT_USE, of one card, an offer of the terminal's partner, all of one size."""
    order = load(0, asks="verified benefit", terminal_first=2)
    draw = draws(order, CITY)(3)
    asked = [draw(1_000_000 + place).message for place in range(20)]
    assert [type(message) for message in asked] == [Verify, BenefitUse] * 10
    for verified, used in zip(asked[::2], asked[1::2], strict=True):
        assert isinstance(verified, Verify)
        assert isinstance(used, BenefitUse)
        assert parse_card(verified.card) == parse_card(used.card)
        assert used.offer == offer_number(CITY, 5)
    assert len({len(encode_request(message)[1]) for message in asked}) == 1
    with scripted_switch() as switch:
        report = drive(load(switch.port, asks="verified benefit", terminals=2, verified_every=2))
    assert {type(request) for request in switch.requests} == {Verify, BenefitUse}
    assert report.codes == {0: report.sent}


def test_three_cities_come_by_turns() -> None:
    """Of three connections one earns in the first city, the others use benefits in theirs."""
    order = load(0, asks="cities")
    draw_of, cities = draws(order, CITY), towns(CITY)
    for number in range(6):
        message = draw_of(number)(1_000_000).message
        city = cities[number % 3]
        assert isinstance(message, BenefitUse if number % 3 else Earn)
        assert city.index_of(parse_card(message.card)) is not None
        if isinstance(message, BenefitUse):
            assert message.offer == offer_number(city, number // 3)


def test_echo_is_counted_by_frames() -> None:
    """Against an echo server, what comes back is compared and counted."""
    with echo_server() as port:
        report = drive(load(port, speaks="echo", terminals=1, depth=3))
    assert report.sent == report.answered == report.verified > 0
    assert report.codes == {}


def test_nobody_there_is_one_line() -> None:
    """A port nobody listens on is a LoadFailed with the address."""
    with pytest.raises(LoadFailed, match="no connection to"):
        drive(load(1))


def test_due_times_are_evenly_spaced_within_phases() -> None:
    """Requests are due at fixed distances, and a phase begins where the one before ends."""
    dues = list(due_times(10.0, [Phase(1, 2), Phase(0.5, 4)]))
    assert dues == [10.0, 10.5, 11.0, 11.25]


def test_bursts_are_due_at_once_and_dropped_in_part() -> None:
    """Every so many requests share a due time and a connection; those beyond `depth` are dropped."""
    assert list(due_times(10.0, [Phase(1, 8)], 4)) == [10.0, 10.5]
    with scripted_switch() as switch:
        order = load(switch.port, depth=3, burst=4, phases=[Phase(0.05, 240)])
        lines = open_lines(order)
        start = time.monotonic() - 1.0
        report = OpenLoop(order, lines).run(Window(start, start, start + 0.05))
        for line in lines:
            line.close()
    assert report.sent == report.answered == 9
    assert report.dropped == 3


def test_open_loop_sends_what_is_due_and_counts_latency_from_then() -> None:
    """All due requests are sent and answered; a latency counts from the due time, sent late or not."""
    order_s = 0.05
    with scripted_switch() as switch:
        order = load(switch.port, depth=64, phases=[Phase(order_s, 400)])
        lines = open_lines(order)
        loop = OpenLoop(order, lines)
        start = time.monotonic() - 1.0  # all of it is overdue by a second when the run begins
        report = loop.run(Window(start, start, start + order_s))
        for line in lines:
            line.close()
    assert report.sent == report.answered == 20
    histogram = Histogram(report.buckets, report.latency_max_us)
    assert histogram.summary().count == 20
    assert histogram.percentile_us(1) >= (1.0 - order_s) * 1e6
    assert report.late_max_s >= 1.0 - order_s
    assert sum(slot.replies for slot in report.bins) == 20


def test_open_loop_drops_what_a_busy_terminal_cannot_take() -> None:
    """Beyond `depth` unanswered requests on a connection, a due one is dropped and counted."""
    with scripted_switch() as switch:
        order = load(switch.port, depth=1, phases=[Phase(0.05, 400)])
        lines = open_lines(order)
        start = time.monotonic() - 1.0
        report = OpenLoop(order, lines).run(Window(start, start, start + 0.05))
        for line in lines:
            line.close()
    assert report.sent == 3
    assert report.dropped == 17


def test_whole_frames_stops_before_a_partial_one() -> None:
    """The echo servers answer whole frames only."""
    frame = b"\0\x03abc"
    assert whole_frames(b"") == whole_frames(b"\0") == whole_frames(frame[:-1]) == 0
    assert whole_frames(frame) == len(frame)
    assert whole_frames(frame * 2 + frame[:3]) == 2 * len(frame)
