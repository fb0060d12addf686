"""What a programme may have of one person, as rows ($1 the account, $2 the programme): for tests of who may
read them.
"""

OF_A_PERSON = (
    "insert into people.consent (account, programme, kind, given_at) values ($1, $2, 'data', '2026-01-02')",
    "insert into people.representative (account, programme, role, name) "
    "values ($1, $2, 'proxy', decode(repeat('00', 38), 'hex'))",
    "insert into people.former_contact (account, programme, email) "
    "values ($1, $2, decode(repeat('00', 40), 'hex'))",
    "insert into people.application (account, programme, kind, via, form, received_on, second_needed, "
    "keep_days) values ($1, $2, 'first', 'desk', repeat('x', 40)::bytea, '2026-01-02', false, 30)",
    "insert into people.attachment (application, programme, kind, type, body) "
    "select number, $2, 'photo', 'image/png', form from people.application where account = $1",
    "insert into people.acceptance (application, account, accepted_on, programme, version, document, via) "
    "select number, $1, '2026-01-02', $2::smallint, 1, 'x', 'desk' from people.application "
    "where account = $1",
    "insert into people.online_application (application, programme, hash, address_key, texts) "
    "select number, $2, sha256(int8send($1)), sha256('x'), 'x' from people.application where account = $1",
    "insert into people.message (account, programme, from_holder, body) "
    "values ($1, $2, true, repeat('x', 40)::bytea)",
    "insert into web.login (programme, kind, name_key, password, account) "
    "values ($2, 'holder', sha256('x'), 'x', $1)",
    "insert into web.session (hash, programme, login, stage, ends_at) "
    "select sha256(int8send($1)), $2::smallint, id, 'whole', now() from web.login where account = $1",
    "insert into web.recovery_code (login, programme, hash) "
    "select id, $2::smallint, sha256('x') from web.login where account = $1",
    "insert into web.passkey (programme, login, credential, public_key, uses, is_synced, name) "
    "select $2::smallint, id, sha256('x'), 'x', 0, false, 'x' from web.login where account = $1",
    "insert into web.acting_for (account, programme, representative, code, ends_at) "
    "select $1, $2::smallint, number, sha256(int8send($1)), now() from people.representative "
    "where account = $1",
    "insert into web.code (hash, programme, purpose, account, ends_at) "
    "values (sha256(int8send($1)), $2, 'activate', $1, now())",
)
"""In an order in which each finds what it refers to."""
