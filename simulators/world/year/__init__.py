"""A year of the three cities on a virtual clock: every reply of the switch foretold by the auditor.

    lived = live(Plan(seed=1, city="zgierz", cards=500, partners=30, transactions=20_000))
    lived.surprised            # replies that were not foretold
    lived.books                # what is wrong with the books, one line each

`cityswitch simulate year --seed N` runs the cities in processes of their own (`processes`) and prints the
table of every rule of docs/rules.md with its outcomes at a till (`rules_met`, `defaults_met`, by `pairs`).

Read it as the year is read: `city_year` (the days), `seasons` (what is planned: new rules, the week of rest,
offers), `terms` (31 May, birthdays, notices, renewals), `desk` (lost cards, duplicates, reports), `festivals`
(the odd nights), `shopping`, `mistakes`, `returns` (at a till), `evenings` (tills off the line). `office`
writes each change into the registry and tells the auditor of it in the same breath.

What is real: the flow of a worker with its directory, decisions, receipts and inquiries, the registry's feed,
requests read from their own bytes, and the store in memory, which a differential run holds to Postgres. What
is left out, for five million transactions are to take minutes: sockets, frames and their crypto, the
committer's batches, and faults of any kind; for these there is `simulate world`. So the codes 10, 11 and 12,
which tell of faults, do not occur here. `circumstances` names why a request is worth counting.
"""
