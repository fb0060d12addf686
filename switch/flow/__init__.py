"""The life of a transaction: connection, request, decision, posting, reply."""
