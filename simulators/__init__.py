"""Terminals, fleets and a city to test the switch with, and an auditor who believes neither side.

population   a seeded city: cards, partners, terminals, keys, computed by index
seeding      writes that city into a registry
store        a terminal's persistent memory
channel, link, exchange, terminal
             a terminal, from the socket up to the cashier's keys
cashier, fleet
             many of them, with a seeded day's business and seeded faults
audit_log, auditor
             what terminals sent and were told, compared with the books
"""
