"""Invoices to partners: FA(3) documents for KSeF from closed statements, notes of rebates, and where they go.

`drafts` decides what a statement asks for, `fa3` and `notes` write it, `schema` holds it to the official
schema, `issuing` gives it its number, `sinks` send it.
"""
