"""What the switch is compared with: servers and drivers that do the same work in the ordinary way.

echo_trio, echo_asyncio  length-prefixed echo servers: no protocol, no database
naive                    the same transaction, one database transaction a request: asyncio, a pool of asyncpg
direct                   `post_batch` by itself: Postgres without a switch
post_one.sql, .pgbench   the same transaction as one server-side function, driven by pgbench

Each is a program that runs alone; nothing imports them. asyncio is at home here, as nowhere else outside of
the ledger's bridge. Invariant: a peer runs as its own users run it, at its best: asyncio on its own loop, so
nothing here may import the ledger's bridge, which would put trio's loop in its place.
"""
