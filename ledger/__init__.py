"""Owns the books and the registry: double-entry points in Postgres, group commit, migrations, embedded
server.

It knows nothing of the wire, of sockets or of programme rules: a request arrives here already decided, as
a `Posting`, and leaves as an `Outcome`. Only `ledger.postgres.database` imports asyncio; all other modules
are either pure or hold coroutines that take a connection.
"""
