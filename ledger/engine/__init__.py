"""Owns what differs where the books lie on several servers (Citus) instead of one Postgres.

The schema and its functions are the same on both. Here is what a sharded ledger has besides: its tables are
distributed by bucket (`citus`), and each shard has the functions of a batch over its own tables
(`shard_functions`), which the committer calls at the server that has them (`shards`). On one Postgres nothing
of it is used, but for one question at the start. Must not know postings.
"""
