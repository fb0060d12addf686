"""Rows of what other systems are told and may ask, for the tests of isolation: outbox, notices, tokens."""

READABLE = {"registry.notice", "registry.api_token", "registry.api_answer", "registry.proposal"}
FORBIDDEN = (
    "insert into registry.proposal (programme, act, subject) values (2, 'anonymise', '16')",
    "insert into registry.notice (programme, event, kind, data) values (2, 9, 'a.b', '{}')",
    "insert into registry.api_token (programme, name, digest, rights) "
    "values (2, 'x', sha256('x'), '{events:read}')",
    "update registry.api_token set rights = '{holders:write}'",
)
"""What a role of programme 1 may not do."""


def rows_of(programme: int) -> tuple[str, ...]:
    """Statements that make a row of each table for a programme."""
    return (
        f"insert into registry.notice (programme, event, kind, data) values ({programme}, 1, 'a.b', '{{}}')",
        "insert into registry.api_token (programme, name, digest, rights) "
        f"values ({programme}, 'app', sha256('{programme}'), '{{events:read}}')",
        "insert into registry.api_answer (programme, token, key, asked, status, body) "
        f"select {programme}, number, 'k', digest, 200, 'x' from registry.api_token "
        f"where programme = {programme}",
    )
