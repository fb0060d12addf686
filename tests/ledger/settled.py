"""A month's end in one programme, and what a partner declared, as rows: for tests of who may read and write
them.
"""

SETTLED = (
    "insert into registry.partner_details (partner, programme) values ($2, $1)",
    "insert into registry.statement (programme, month, partner, number, due_grosze, document) "
    "values ($1, '2026-09', $2::int, $2::int::text, 0, '{}')",
    "insert into registry.settlement_correction (programme, partner, month, net_grosze, agreed_by) "
    "select $1, $2, '2026-09', 5, 'x' from set_config('cityswitch.second', 'x', true)",
    "insert into registry.offer_declaration (programme, partner, offer, terms) values ($1, $2, 9, 'x')",
    "insert into registry.proposal (programme, act, subject) "
    "select $1, 'close_month', '2026-10' where $2::int > 0",
    "insert into registry.settlement_period (programme, month, first_id, through_id, zone, summary) "
    "select $1, '2026-09', 1, 2, 'x', '{}' where $2::int > 0",
)
"""What a programme has of a month's end."""
