"""The month's end at work: prices from the rules in force, and the documents of statements.

Needs the extra `office` for PDF alone. Must not compute a sum: `ledger.settlement` does.
"""
