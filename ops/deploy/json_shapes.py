"""What every command prints with --json: the shape of its document, by the command's words.

Owns the shapes, and the JSON Schema that is made of them (docs/reference/console.schema.json). Must not know
how a document comes about. Invariant: every command that takes --json has a shape, and what an office's
commands print is held to it by tests/cli/test_roles.py.
"""

from __future__ import annotations

from typing import Final

from ops.deploy.json_fields import Schema, either, fields, inside, rows
from ops.exit_codes import Exit

IMPORTED: Final = fields(
    "file text, sha256 text, dry_run yes, imported int, unchanged int, refused any, refused_file? text?"
)
ADJUSTED: Final = "adjustment int, state text, rows int, points int"
DONE: Final = fields("card text, status text")
ID_STATUS: Final = fields("id int, status text")
CASE: Final = fields("case int, state text, status text, status_before text")
KEY: Final = fields("terminal int, generation int, key text")
KEYS: Final = either(KEY, rows("terminal int, generation int"))
CARD: Final = "card text, account int, programme text, carrier text, issue int, status text, expires_on text?"
PARTNER: Final = "id int, programme text, name text, status text, main_partner yes, points_step_grosze int?"
TERMINAL: Final = "id int, partner int, status text, label text, outlet int?"
INVOICE: Final = (
    "number text, kind invoice|correction|note, partner int, month text, statement text, issued_on text,"
    " net_grosze int, vat_grosze int, gross_grosze int, corrects text?, sent_at text?, sink text?,"
    " ksef_number text?, told_number text?, outside_ksef yes"
)
SUMS: Final = "net_grosze int, vat_grosze int, gross_grosze int, rebates_grosze int, due_grosze int"
LINE: Final = (
    "kind text, quantity int, unit_grosze int, net_grosze int, vat_rate int?, origin text, contract int,"
    " reason text"
)
CONTRACT: Final = (
    "partner int, number int, outlet int?, name text, state declared|verified|agreed|active|ended|refused,"
    " declared_on text, verify_by text, verified_on text?, late yes, starts_on text?, months_min int?,"
    " ends_on text?, with_services yes, legal_name text, tax_id text, address text"
)
JOURNAL: Final = (
    "accepted_at text, accepted_at_ms int, terminal int, stan int, programme text?, partner int?, kind text,"
    " result text, code int, card text?, points int, balance int, amount_grosze int, discount_grosze int,"
    " offer int?, original text?, transaction_id text, rules_version int"
)
VERSIONS: Final = rows("version int, effective_from text")
RESULT: Final = fields("result text, code int")
REPLY: Final = fields(
    "result text, code int, class text, text text, stan int, transaction_id text, amount_grosze int,"
    " discount_grosze int, points int, balance int, remaining int, checks int, server_time_ms int,"
    " receipt text"
)
FREE: Final[Schema] = {"type": "object"}
"""What has more figures than are worth a promise: of a simulation."""

SHAPES: Final[dict[str, Schema]] = {
    "adjust approve": fields(f"{ADJUSTED}, posted int, declined int"),
    "adjust list": rows(
        "adjustment int, kind text, state text, programme int, rows int, points int, posted int,"
        " declined int, reason text, source text?, proposed_by text, proposed_at text, decided_by text?,"
        " decided_at text?, decision text?"
    ),
    "adjust propose": fields(f"{ADJUSTED}, card text"),
    "adjust refuse": fields(ADJUSTED),
    "adjust show": rows(
        "row int, card text, account int, points int, reference text?, posted_at text?, result text?,"
        " balance int?"
    ),
    "api serve": fields("url text"),
    "api tokens add": fields("number int, programme int, token text"),
    "api tokens end": fields("number int"),
    "api tokens list": rows(
        "number int, programme int, name text, rights text, partner int?, made_at text, ends_at text?,"
        " ended_at text?"
    ),
    "audit": rows(
        "id int, at text, actor text, hand text, second text?, object text, key text, change text,"
        " reason text?, source text?, role text, rows int, before any, after any"
    ),
    "balances import": IMPORTED,
    "campaigns add": fields("campaign int, starts_on text, ends_on text"),
    "campaigns end": fields("campaign int"),
    "campaigns list": rows(
        "campaign int, name text, state entered|over, starts_on text, ends_on text, weekdays text,"
        " hours text, percent int, points_a_sale int, card_points_max int, points_given int, kinds text,"
        " partners text, reason text, made_by text, agreed_by text, ended_at text?"
    ),
    "cards activate": fields("card text, status text, replaced any"),
    "cards add": DONE,
    "cards block": DONE,
    "cards carrier": fields("card text, status text, carrier text, issue int"),
    "cards cases": rows(
        "case int, kind text, state text, opened_at text, happened_at text, card text?, account int?,"
        " status text?, programme int, partner int, terminal int, stan int, entry text, decided_by text?,"
        " decided_at text?"
    ),
    "cards close": fields("card text, status text, carriers int"),
    "cards confirm": CASE,
    "cards duplicate": fields(
        "card text, issue int, status text, old_card text, old_status text, why text?, fee_grosze int"
    ),
    "cards fee-paid": fields("card text, fee_grosze int, paid_how text?"),
    "cards generate": fields("cards int, file text"),
    "cards import": IMPORTED,
    "cards import-carriers": IMPORTED,
    "cards lift": CASE,
    "cards list": rows(CARD),
    "cards order": DONE,
    "cards ready": DONE,
    "cards renew": fields("card text, expires_on text?"),
    "cards resign": fields("card text, status text, carriers int"),
    "cards retain": DONE,
    "cards show": fields(f"{CARD}, contract_ends_on text?, status_since text?"),
    "cards unblock": DONE,
    "cards void": fields("card text, status text, carriers int"),
    "contracts agree": fields("partner int, state agreed|active"),
    "contracts declare": fields("partner int, verify_by text"),
    "contracts details": fields("partner int"),
    "contracts end": fields("partner int, ends_on text, term_ends_on text?"),
    "contracts list": rows(CONTRACT),
    "contracts refuse": fields("partner int"),
    "contracts show": rows(CONTRACT),
    "contracts verify": fields("partner int, in_time yes"),
    "drain": either(fields("pid int, ended yes"), fields("worker int, drained_pid int, pid int")),
    "explain": fields(
        "terminal int, stan int, operation text, code int, result text, text any, reason any,"
        " paragraphs text[], programme text, rules_version int, registry_number int, judged_at text,"
        " facts any, decided_again text"
    ),
    "holders add": fields("card text, flags text[]"),
    "holders agreements": fields("card text, consents any, accepted any, representatives any"),
    "holders anonymise": fields("card text, carriers int"),
    "holders consent": fields("card text, consent text, withdrawn yes"),
    "holders erasures": fields("pending int, applied int"),
    "holders flags": fields("card text, flags text[]"),
    "holders import": IMPORTED,
    "holders notice": fields("card text, contract_ends_on text?"),
    "holders represent": fields("card text, number int, role text"),
    "holders show": fields(
        "card text, account int, kinds text?, flags text?, guardian yes, entitled_until text?, tax_year int?,"
        " contract_ends_on text?, notice_ends_on text?, objection_ends_on text?,"
        " name? text?, pesel? text?, born_on? text?, address? text?,"
        " phone? text?, email? text?, channel? text?, pickup? text?"
    ),
    "holders tax-proof": fields("card text, entitled_until text?"),
    "holders update": fields("card text, changed text[]"),
    "invoices city": fields("partner int, nip text"),
    "invoices list": rows(INVOICE),
    "invoices elsewhere": fields("partner int, month text, number text"),
    "invoices make": inside(
        fields("there int, sent text[]"), issued=rows(INVOICE), refused=rows("what text, why text")
    ),
    "invoices notes": fields("notes int, directory text"),
    "invoices number": fields("number text, ksef_number text"),
    "invoices outside": fields("number text, outside_ksef yes"),
    "invoices seller": fields("programme int, nip text"),
    "invoices send": inside(fields("sent text[]"), refused=rows("what text, why text")),
    "invoices show": fields(INVOICE),
    "invoices withdraw-elsewhere": fields("partner int, month text, number text"),
    "journal find": inside(fields("before text?"), rows=rows(JOURNAL)),
    "ledger balance": either(
        fields("account int, balance int"),
        fields("partner int, issued_points int, redeemed_points int"),
    ),
    "ledger history": rows(
        "accepted_at text, accepted_at_ms int, terminal int, stan int, kind text, result text, points int,"
        " balance int, transaction_id text, amount_grosze int, original_stan int?"
    ),
    "ledger rebucket": fields("buckets int, before int"),
    "ledger redecide": fields("rows int, differences any"),
    "ledger trial-balance": rows(
        "bucket int, kind text, unit text, accounts int, debit_points any, credit_points any"
    ),
    "ledger verify": rows("invariant text, count int, example any"),
    "notices list": rows(
        "event int, kind text, account int?, state text, channel text?, why text?, tries int, made_at text,"
        " done_at text?"
    ),
    "notices run": fields("read int, sent int, again int, given_up int, by_hand int"),
    "offers import": IMPORTED,
    "offers list": rows(
        "number int, version int, partner int, state text, effective_from text?, name text"
    ),
    "offers publish": fields("published any, folder text"),
    "offers withdraw": fields("withdrawn any, folder text"),
    "outlets add": fields("id int, partner int"),
    "outlets import": IMPORTED,
    "outlets list": rows("id int, partner int, name text, address text"),
    "partners add": fields("id int"),
    "partners block": ID_STATUS,
    "partners import": IMPORTED,
    "partners list": rows(PARTNER),
    "partners show": fields(PARTNER),
    "partners unblock": ID_STATUS,
    "programmes call-off": fields("id int, ended_from text"),
    "programmes list": rows("id int, code text, name text, status text"),
    "programmes resume": fields("id int"),
    "programmes suspend": fields("id int, suspended_from text, suspended_until text?"),
    "reload": fields("changed text[], need_restart text[]"),
    "roles add": fields("programme int, role text, made yes"),
    "roles list": rows("programme int, role text, members text?"),
    "settlement close": fields(f"month text, statements int, {SUMS}"),
    "settlement correct": fields("number int, partner int, month text, net_grosze int, vat_rate int"),
    "settlement export": fields("statements int, directory text"),
    "settlement run": rows(f"programme text, month text, statements int, {SUMS}"),
    "settlement show": inside(
        fields(
            f"programme int, month text, statements int, {SUMS}, duplicate_fees_grosze int,"
            " closed_at_ms int?, duplicate_fees_paid_grosze int"
        ),
        lines=rows(LINE),
    ),
    "settlement statement": inside(
        fields(
            "number text, programme int, partner int, month text, partner_name text, tax_id text,"
            f" address text, {SUMS}, closed_at_ms int?"
        ),
        lines=rows(LINE),
        days=rows(
            "date text, earns int, points_issued int, redemptions int, points_redeemed int,"
            " rebates_grosze int, uses int, discounts_grosze int, refunds int, reversals int"
        ),
    ),
    "terminals add": fields("id int, partner int"),
    "terminals block": ID_STATUS,
    "terminals import": IMPORTED,
    "terminals key issue": KEYS,
    "terminals key list": rows(
        "generation int, issued_at text, used_at text?, not_after text?, retired_at text?"
    ),
    "terminals key revoke": fields("terminal int, generation int, status text"),
    "terminals key rotate": KEYS,
    "terminals list": rows(TERMINAL),
    "terminals move": fields("id int, outlet int?"),
    "terminals show": fields(f"{TERMINAL}, key_generations text?"),
    "terminals status": rows(
        "terminal int, partner int, programme text, label text, state on_line|off_line|never_seen,"
        " on_line_since text?, last_seen text?, silent yes, worker int?, software text?, refused_now text?,"
        " last_failure text?, failed_at text?, failed_from text?, failures int, ended text?, ended_at text?"
    ),
    "terminals unblock": ID_STATUS,
    "workers": rows(
        "worker int, pid int?, ready yes, why_not text?, version text?, started_at text?, connections int?,"
        " in_flight int?, restarts int?, http text"
    ),
    "master-key status": rows(
        "number int, state wraps|prepared|former|destroyed|missing, terminal_keys int, holders_keys int"
    ),
    "master-key new": fields("number int, file text"),
    "master-key rewrap": fields(
        "number int, terminal_keys int, left int, terminals_damaged int, holders_damaged int"
    ),
    "master-key destroy": fields("destroyed int[]"),
    "pepper status": rows("programme int, code text, number int, state text, cards int"),
    "pepper new": fields("programme int, number int, file text"),
    "pepper begin": fields("programme int, newest int, former int"),
    "pepper reenter": fields("numbers int, reentered int, refused int"),
    "pepper retire": inside(
        fields("programme int"), left=rows("account int, issue int, card text, was text, now text")
    ),
    "backup vault": fields("vault text, keys int"),
    "backup key": fields("key text"),
    "backup make": inside(fields("taken_away text[]"), backup=fields(
        "folder text, database text, made_at text, seconds any, size_bytes int, cityswitch text,"
        " master_key_check text"
    )),
    "board": fields("url text"),
    "office serve": fields("url text"),
    "office officer": fields("login int, programme int"),
    "office partner": fields("login int, programme int"),
    "office logins list": rows(
        "id int, kind text, shown text, partner int?, desk text, roles text, has_second yes, "
        "created_at text, ended_at text?"
    ),
    "office logins end": fields("login int"),
    "office logins reset": fields("login int"),
    "office code": fields("code text"),
    "config check": inside(
        fields(""),
        settings=rows("setting text, value any, origin text"),
        checks=rows("check text, status int, text text"),
    ),
    "doctor": inside(
        fields("worst ok|warning|danger"),
        findings=rows("check text, level ok|warning|danger, seen text, endangers text, cure text"),
    ),
    "holders object": fields("card text, contract_ends_on text?"),
    "init": fields("migrations text[], master_key text, key_made yes, servers any"),
    "migrate": either(fields("applied text[], waiting text[]"), fields("would_apply text[], waiting text[]")),
    "programmes apply": inside(
        fields("programme int, version int, effective_from text, published yes, replaces int?"),
        never_in_force=VERSIONS,
        announced=VERSIONS,
    ),
    "programmes check": fields(
        "programme int, code text, languages text[], tables text[], kinds text[], flags text[]"
    ),
    "programmes diff": rows("key text, old text, new text, to_holders text"),
    "programmes show": fields("version int, effective_from text, rules_toml text"),
    "terminal balance": REPLY,
    "terminal benefit": REPLY,
    "terminal change-key": either(RESULT, fields("terminal int, generation int")),
    "terminal earn": REPLY,
    "terminal echo": fields("terminal int, answer_us int"),
    "terminal quote": REPLY,
    "terminal redeem": REPLY,
    "terminal refund": REPLY,
    "terminal report": fields("result text, code int, stan int"),
    "terminal reversal": REPLY,
    "terminal status": inside(RESULT, original=either(REPLY, {"type": "null"})),
    "terminal totals": fields(
        "result text, text text, earn_count int, earn_points int, redeem_count int, redeem_points int,"
        " reversal_count int, reversal_points int, benefit_count int, benefit_grosze int, refund_count int,"
        " refund_points int"
    ),
    "terminal verify": inside(
        fields("result text, code int, checks int, benefits_next int, receipt text"),
        benefits=rows("offer int, remaining int, checks int"),
    ),
    **dict.fromkeys(("simulate fleet", "simulate world", "simulate year"), FREE),
}  # fmt: skip
FAILURE: Final = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "status": {"enum": sorted(int(status) for status in Exit)},
                "name": {"enum": sorted(status.name.lower() for status in Exit)},
                "cause": {"type": "string"},
                "cure": {"type": "string"},
            },
            "required": ["status", "name", "cause", "cure"],
            "additionalProperties": False,
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}
NOTICE: Final = fields("notice text")
SAID: Final = either(FAILURE, NOTICE)
"""A line of standard error."""


def schema() -> Schema:
    """Return the JSON Schema of all that is printed with --json."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "console.schema.json",
        "title": "What cityswitch prints with --json",
        "description": (
            "One document a command on standard output ($defs: the command's words); on standard error a"
            " document a line (error, notice). A number beyond 2^53 - 1 is a string."
        ),
        "$defs": {"error": FAILURE, "notice": NOTICE, **SHAPES},
        "anyOf": [{"$ref": f"#/$defs/{name.replace(' ', '%20')}"} for name in ("error", "notice", *SHAPES)],
    }
