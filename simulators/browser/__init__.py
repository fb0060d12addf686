"""A terminal in the browser, for development: a page that speaks the wire, and a bridge to the switch.

The page's JavaScript is written from protocol/SPEC.md and shares no code with the rest: it is a vendor's
first lesson. What a name means (fields, codes, numbers) it reads from `catalogue`.
"""
