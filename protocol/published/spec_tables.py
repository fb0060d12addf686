"""The parts of SPEC.md that follow from the code: `make published` writes them.

Owns no fact, only their form as Markdown; a test holds SPEC.md to these very lines, so the page a vendor
reads cannot drift from the code. The worked example is cut from the vectors' own frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from protocol import limits
from protocol.catalogue import CATALOGUE
from protocol.errors import CloseReason
from protocol.fields import Request
from protocol.messages import MESSAGE_MASK, REPLY_OF, REQUEST_OF, TYPE_OF, encode
from protocol.published.field_matrix import MATRIX, OTHERS
from protocol.published.vector_cases import REPLIES, REQUESTS, opening, sealed
from protocol.replies import (
    Ack,
    KeyChangeReply,
    Reply,
    SignOnReply,
    StatusReply,
    TotalsReply,
    TransactionReply,
    VerifyReply,
)
from protocol.result_codes import ResultCode

_REPLY_FIELDS: dict[type[Reply], str] = {
    SignOnReply: (
        "server_time_ms · programme: str ≤ 32 bytes · partner_name: str ≤ 64 bytes · last_stan: "
        "int, 0 = none · amount_max_grosze · points_step_grosze · tiers: array of at most 16 "
        "arrays [points, value_grosze] · advice_age_max_days: int · operations: array of at most "
        "32 ints · entries: int, bits · offers: array of at most 48 arrays [number, kind, name: "
        "str ≤ 32 bytes] · offers_next: int, 0 = no more"
    ),
    Ack: "server_time_ms",
    KeyChangeReply: "server_time_ms · generation: int, 0 = none · wrapped: bin ≤ 60",
    VerifyReply: (
        "server_time_ms · checks: int 0–255, bits · benefits: array of at most 32 arrays [offer, "
        "remaining: int, −1 no limit, checks: int 0–255, bits] · benefits_next: int, 0 = no more · "
        "receipt: str ≤ 512 bytes"
    ),
    TransactionReply: (
        "transaction_id · server_time_ms · amount_grosze (int64) · discount_grosze (int64) · "
        "points (int64: signed change of the card account) · balance (int64: after it) · "
        "remaining (int: −1 no limit) · checks (int 0–255, bits) · receipt: str ≤ 512 bytes"
    ),
    StatusReply: (
        "server_time_ms · original: nil, or an array with all eleven fields of the original's "
        "reply (its `stan` and `code` first)"
    ),
    TotalsReply: (
        "server_time_ms · earn_count · earn_points · redeem_count · redeem_points · "
        "reversal_count · reversal_points · benefit_count · benefit_grosze · refund_count · "
        "refund_points (the switch's own)"
    ),
}
"""The fields of each reply as SPEC.md words them."""

_REASONS = {
    CloseReason.FRAME_SIZE: "the length is below the smallest or above the largest frame of the state",
    CloseReason.VERSION: "the version byte is not 1, or no version is shared",
    CloseReason.TYPE: "a type byte this side never receives",
    CloseReason.STATE: "a known message out of place",
    CloseReason.TAG: "the tag of a data frame is wrong",
    CloseReason.BODY: "the body is not the array its type declares, or a field is out of range",
    CloseReason.KEY: "the mac of PROOF (or ACCEPT) is wrong",
}


FIGURES = ("transaction_id", "amount_grosze", "discount_grosze", "points", "balance", "remaining", "checks")
"""The figures of a transaction's reply, in the order of the wire."""


def request_name(number: int) -> str:
    """Return a request's name in capitals: 0x21 is EARN_ADVICE."""
    return CATALOGUE[number].name


def _names(requests: Iterable[type[Request]]) -> str:
    return ", ".join(request_name(TYPE_OF[request]) for request in requests)


def requests_table() -> list[str]:
    """Return a row for every request."""
    rows = []
    for number, message in REQUEST_OF.items():
        rest = " · ".join(message.__struct_fields__[2:]) or "none"
        row = CATALOGUE[number]
        rows.append(f"| {row.name} | 0x{number:02x} | {row.iso} | {row.nexo} | {rest} |")
    return rows


def replies_table() -> list[str]:
    """Return a row for every class of reply, in the order of the first request it answers."""
    numbers: dict[type[Reply], list[int]] = {}
    for number, reply in REPLY_OF.items():
        numbers.setdefault(reply, []).append(number)
    rows = []
    for reply, types in numbers.items():
        names = ", ".join(request_name(number & MESSAGE_MASK) for number in types)
        rows.append(
            f"| {names} | {', '.join(f'0x{number:02x}' for number in types)} | {_REPLY_FIELDS[reply]} |"
        )
    return rows


def codes_table() -> list[str]:
    """Return a row for every result code."""
    return [
        f"| {int(c)} | {c.name} | {c.result_class} | {c.iso_8583} | {c.text_pl} | {c.text_en} |"
        for c in ResultCode
    ]


def _ranges(codes: tuple[int, ...], known: list[int]) -> str:
    """Return codes as ranges of neighbours among the known ones: 10–13, 21."""
    runs: list[list[int]] = []
    for code in sorted(codes):
        if runs and known.index(code) == known.index(runs[-1][-1]) + 1:
            runs[-1].append(code)
        else:
            runs.append([code])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def fields_table() -> list[str]:
    """Return a row for every row of the field matrix."""
    known = [int(code) for code in ResultCode]
    rows = []
    for row in MATRIX:
        held = row.held
        cells = " | ".join(getattr(held, name).value for name in FIGURES)
        rows.append(f"| {_names(row.requests)} | {_ranges(held.codes, known)} | {held.what} | {cells} |")
    return rows


def others_table() -> list[str]:
    """Return a row for every other reply."""
    return [f"| {_names(requests)} | {said.codes} | {said.what} |" for requests, said in OTHERS]


def reasons_table() -> list[str]:
    """Return a row for every close reason."""
    return [f"| `{reason.value}` | {_REASONS[reason]} |" for reason in CloseReason]


def timeouts_table() -> list[str]:
    """Return a row for every time-out."""
    least, most = limits.BACKOFF_MIN_S, limits.BACKOFF_MAX_S
    return [
        f"| handshake | {limits.HANDSHAKE_TIMEOUT_S} | from the connection to ACCEPT | either side closes |",
        f"| frame | {limits.FRAME_TIMEOUT_S} | from a frame's first byte to its last | either side closes |",
        f"| write | {limits.WRITE_TIMEOUT_S} | from the first byte the peer does not take"
        " until it has taken all | closes |",
        f"| idle | {limits.IDLE_TIMEOUT_S} | between frames from the terminal | the switch closes |",
        f"| reply | {limits.REPLY_TIMEOUT_S} | from a request to its reply | the terminal retries |",
        f"| retry window | {limits.RETRY_WINDOW_S} | from the first of {limits.TRIES_MAX} tries"
        " | the terminal reverses |",
        f"| pause | {least / 2:g}–{least} … {most / 2:g}–{most} | after a failure, doubling (section 6)"
        " | the terminal tries again |",
    ]


def limits_table() -> list[str]:
    """Return a row for every limit a terminal's buffers depend on."""
    rows = [
        ("versions in HELLO", limits.VERSIONS_MAX),
        ("frame before authentication, bytes", limits.FRAME_UNAUTHENTICATED_MAX),
        ("frame after, bytes", limits.FRAME_MAX),
        ("body, bytes", limits.BODY_MAX),
        ("tag, bytes", limits.TAG_SIZE),
        ("terminal number", limits.TERMINAL_MAX),
        ("key generation", limits.GENERATION_MAX),
        ("STAN", limits.STAN_MAX),
        ("card text, bytes", limits.CARD_BYTES_MAX),
        ("card digits", f"{limits.CARD_DIGITS_MIN}–{limits.CARD_DIGITS_MAX}"),
        ("software, bytes", limits.SOFTWARE_BYTES_MAX),
        ("programme, bytes", limits.PROGRAMME_BYTES_MAX),
        ("partner name, bytes", limits.PARTNER_NAME_BYTES_MAX),
        ("receipt, bytes", limits.RECEIPT_BYTES_MAX),
        ("text of a result code, bytes", limits.RESULT_TEXT_BYTES_MAX),
        ("tiers", limits.TIERS_MAX),
        ("operations in SIGN_ON", limits.OPERATIONS_MAX),
        ("offers in one page of SIGN_ON", limits.OFFERS_MAX),
        ("offer number", limits.OFFER_MAX),
        ("benefits in one VERIFY", limits.BENEFITS_MAX),
        ("short name of an offer, bytes", limits.OFFER_NAME_BYTES_MAX),
        ("STANs in one TOTALS", limits.TOTALS_STANS_MAX),
    ]
    return [f"| {name} | {value} |" for name, value in rows]


def _cut(frame: bytes, pieces: list[tuple[int, str]]) -> list[str]:
    """Return `hex  meaning` lines for a frame cut into pieces of the given sizes, which must fill it."""
    lines, place = [], 0
    for size, meaning in pieces:
        hexes = frame[place : place + size].hex()
        place += size
        lines += [
            f"{hexes[i : i + 64]:<64}  {meaning if not i else ''}".rstrip() for i in range(0, len(hexes), 64)
        ]
    assert place == len(frame)
    return ["```", *lines, "```"]


def example() -> dict[str, list[str]]:
    """Return the worked session of SPEC.md section 10, by part."""
    o = opening()
    keys = [("T1", o.t1), *((f"K({name.replace('_', ' ')})", key) for name, key in o.keys._asdict().items())]
    keys.append(("T2", o.t2))
    earn = sealed(o.keys.client_data, 0, 0x20, encode(REQUESTS[0][1]))
    reply = sealed(o.keys.server_data, 0, 0xA0, encode(REPLIES[0][2]))
    mac = [(1, "array of 1"), (2, "bin 8, 32 bytes"), (32, "mac")]
    return {
        "HELLO": _cut(
            o.hello,
            [
                (2, "length 45"), (1, "version 1"), (1, "type HELLO"), (1, "array of 4"),
                (2, "versions: array of 1: 1"), (5, "terminal: uint 32, 10000001"), (1, "generation: 1"),
                (2, "bin 8, 32 bytes"), (32, "client nonce"),
            ],
        ),
        "CHALLENGE": _cut(
            o.challenge,
            [
                (2, "length 48"), (1, "version 1"), (1, "type CHALLENGE"), (1, "array of 3"),
                (1, "version: 1"), (2, "bin 8, 8 bytes"), (8, "session_id"),
                (2, "bin 8, 32 bytes"), (32, "server nonce"),
            ],
        ),
        "KEYS": ["```", *(f"{name:<16} {value.hex()}" for name, value in keys), "```"],
        "PROOF": _cut(o.proof, [(2, "length 37"), (1, "version 1"), (1, "type PROOF"), *mac]),
        "ACCEPT": _cut(o.accept, [(2, "length 37"), (1, "version 1"), (1, "type ACCEPT"), *mac]),
        "EARN": _cut(
            earn,
            [
                (2, "length 46"), (1, "version 1"), (1, "type EARN"), (1, "array of 5"), (1, "stan: 1"),
                (5, "terminal_time: uint 32, 1700000000"), (1, "fixstr of 16"),
                (16, "card: 4000000000000002"), (1, "entry: 1, swiped"),
                (3, "amount: uint 16, 12345 grosze"), (16, "tag"),
            ],
        ),
        "REPLY": _cut(
            reply,
            [
                (2, "length 83"), (1, "version 1"), (1, "type: reply to EARN"), (1, "array of 11"),
                (1, "stan: 1"), (1, "code: 0, APPROVED"), (9, "transaction_id: uint 64"),
                (9, "server_time_ms: uint 64, 1700000000123"), (3, "amount_grosze: uint 16, 12345"),
                (1, "discount_grosze: 0"), (1, "points: 12"), (3, "balance: uint 16, 1212"),
                (1, "remaining: -1, no limit"), (1, "checks: 0"), (2, "str 8 of 32 bytes"),
                (32, "receipt: Naliczono 12 pkt, line feed, Saldo: 1212 pkt"), (16, "tag"),
            ],
        ),
    }  # fmt: skip


def blocks() -> Iterator[tuple[str, str]]:
    """Yield (name, text) of every part of SPEC.md that follows from the code."""
    tables = {
        "REQUESTS": requests_table(),
        "REPLIES": replies_table(),
        "TIMEOUTS": timeouts_table(),
        "REASONS": reasons_table(),
        "FIELDS": fields_table(),
        "OTHERS": others_table(),
        "CODES": codes_table(),
        "LIMITS": limits_table(),
    }
    for name, lines in (tables | example()).items():
        yield name, "\n".join(lines)


def rewritten(page: str) -> str:
    """Return SPEC.md with every generated part made anew: from `<!-- NAME -->` to the next blank line.

    The two lines that head a table are the page's own. Raises ValueError where the page has no such place.
    """
    page += "\n"
    for name, text in blocks():
        before, mark, rest = page.partition(f"<!-- {name} -->\n")
        part, blank, after = rest.partition("\n\n")
        if not mark or not blank:
            raise ValueError(f"SPEC.md has no place for {name}")
        head = "".join(part.splitlines(keepends=True)[:2]) if part.startswith("|") else ""
        page = before + mark + head + text + blank + after
    return page[:-1]
