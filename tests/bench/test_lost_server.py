"""How answers are told apart when a server of the books is lost: by the buckets that a request needs."""

from collections.abc import Iterable

import pytest

from bench.probes import lost_server
from bench.probes.lost_server import LOST, Answer, Asked, Ear, Outage, buckets_of, tell
from ledger.books.posting import bucket_of
from ledger.engine.shards import Server, Shard
from protocol import TYPE_OF, Balance, Earn, ResultCode, Totals, encode_request
from protocol.handshake import Hello
from protocol.messages import encode
from simulators.till.tapped import Frame

HERE, AWAY = Server("here", 1), Server("away", 2)
SHARDS = [Shard(HERE if bucket < 2 else AWAY, bucket, "", {}) for bucket in range(4)]
EARN = TYPE_OF[Earn]


def numbered(buckets: Iterable[int]) -> int:
    """The first number whose account is in one of these buckets."""
    return next(n for n in range(1, 1_000) if bucket_of(n << 3, 4) in set(buckets))


def asked(terminal: int, *, kind: int = EARN, card: str = "", original_terminal: int = 0) -> Asked:
    return Asked(kind, terminal, card, original_terminal, at_s=0.0)


def needs(request: Asked) -> set[int]:
    return buckets_of(request, lambda card: int(card) << 3, 4)


def test_a_request_needs_its_terminal_its_card_and_whose_sale_it_names() -> None:
    """And all buckets where it adds up over all."""
    here, away = numbered((0, 1)), numbered((2, 3))
    outage = Outage(AWAY, SHARDS)
    assert not outage.touches(needs(asked(here, card=str(here))))
    assert outage.touches(needs(asked(away)))
    assert outage.touches(needs(asked(here, card=str(away))))
    assert outage.touches(needs(asked(here, card=str(here), original_terminal=away)))
    assert needs(asked(here, kind=TYPE_OF[Totals])) == {0, 1, 2, 3}


async def test_a_line_is_taken_down(autojump_clock: object) -> None:
    """Whose it is says the handshake; a reply ends its request, what is open when the line goes is lost."""
    answers: list[Answer] = []
    ear = Ear(answers)
    ear.sends(Frame(TYPE_OF[Hello], encode(Hello([1], 70, 1, bytes(32)))))
    for stan in (5, 6):
        kind, body = encode_request(Balance(stan, 0, ";123=", 1))
        ear.sends(Frame(kind, body))
    ear.came(Frame(kind, encode([5, int(ResultCode.TRY_AGAIN)])))
    ear.lost()
    ear.lost()
    assert [(answer.asked.terminal, answer.asked.card, answer.code) for answer in answers] == [
        (70, ";123=", int(ResultCode.TRY_AGAIN)),
        (70, ";123=", LOST),
    ]


def test_errors_of_the_others_alone_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those who need the lost server nothing is expected; of the others an answer."""
    said: list[str] = []
    monkeypatch.setattr(lost_server, "say", said.append)
    here, away = asked(numbered((0, 1))), asked(numbered((2, 3)))
    outage = Outage(AWAY, SHARDS)
    outage.killed_s, outage.up_s = -1.0, 10.0
    answers = [Answer(away, int(ResultCode.TRY_AGAIN), 1.0), Answer(away, LOST, 1.0), Answer(here, 0, 1.0)]
    assert tell(answers, outage, needs) == 0
    answers += [Answer(here, int(ResultCode.TRY_AGAIN), 1.0), Answer(here, LOST, 1.0)]
    assert tell(answers, outage, needs) == 2
    assert any(line.startswith("meanwhile, the others: 3 answers, 1 of them to try again") for line in said)
