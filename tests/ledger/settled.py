"""A month's end in one programme, and what a partner declared, as rows: for tests of who may read and write
them.
"""

SETTLED = (
    "insert into registry.partner_details (partner, programme) values ($2, $1)",
    "insert into registry.statement (programme, month, partner, number, due_grosze, document) "
    "values ($1, '2026-09', $2::int, $2::int::text, 0, '{}')",
    "insert into registry.settlement_summary (programme, month, summary) "
    "select $1, '2026-09', '{}' where $2::int > 0",
    "insert into registry.settlement_correction (programme, partner, month, net_grosze, vat_rate, agreed_by) "
    "select $1, $2, '2026-09', 5, 23, 'x' from set_config('cityswitch.second', 'x', true)",
    "insert into registry.offer_declaration (programme, partner, offer, terms) values ($1, $2, 9, 'x')",
    "insert into registry.proposal (programme, act, subject) "
    "select $1, 'close_month', '2026-10' where $2::int > 0",
    "insert into registry.settlement_period (programme, month, first_id, through_id, zone) "
    "select $1, '2026-09', 1, 2, 'x' from set_config('cityswitch.second', 'x', true) where $2::int > 0",
    "insert into registry.campaign "
    "(programme, name, points, starts_on, ends_on, partners, reason, agreed_by) "
    "select $1, 'x', 1, current_date + 3, current_date + 3, array[$2::int], 'x', 'x' "
    "from set_config('cityswitch.second', 'x', true)",
)
"""What a programme has of a month's end."""
SETTLED_READABLE = {
    "registry.campaign",
    "registry.partner_contract",
    "registry.partner_details",
    "registry.settlement_correction",
    "registry.settlement_period",
    "registry.settlement_summary",
    "registry.statement",
}
SETTLED_FORBIDDEN = (
    "insert into registry.campaign (programme, name, points, starts_on, ends_on, second_needed) "
    "values (2, 'x', 1, current_date + 3, current_date + 3, false)",
    "update registry.campaign set percent = 900",
)
"""What a role of programme 1 may not do."""

STATEMENT = (
    '{{"number": "x", "programme": {programme}, "partner": {partner}, "month": "2026-09", '
    '"partner_name": "Partner {partner}", "tax_id": "", "address": "", "lines": [], "net_grosze": 0, '
    '"vat_grosze": 0, "gross_grosze": 0, "rebates_grosze": 0, "due_grosze": 0, "days": [], '
    '"closed_at_ms": null}}'
)
"""The document of a statement of nothing, by `programme` and `partner`."""
