"""The store in memory held to Postgres: the same random requests to both, by a seed, and equal answers.

Owns the comparison. Requests are made without looking at any answer (`requests`), go through the same
`ledger.books.batch.post_batch` to two sides (`sides`), and are compared field by field (`run`).
"""
