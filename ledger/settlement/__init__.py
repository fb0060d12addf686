"""Owns the month's end: what each partner and the organiser owe each other, computed from the books.

Reads the books and the registry, writes schema `settlement` alone. Invariants: a closed month never changes;
what reverses a sale of a closed month falls into the open one and names the month it came from.
"""
