"""The switch: connections, card directory, programme rules, the flow of a transaction, metrics.

Owns everything between a socket and the ledger. It must not know how points are stored (`ledger`), nor how a
frame is laid out (`protocol`). Read `flow.py` first: it holds the whole life of a transaction.
"""
