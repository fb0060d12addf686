"""The ledger's store in memory: what a worker asks of Postgres, answered in the same process.

    ledger = MemoryLedger(buckets=4, now_ms=clock_ms)
    async with open_database("postgresql://memory/world", connect=connector(ledger, faults)) as database:
        committer = Committer(database, on_outcomes=…)     # and Feed, Inquiries, KeyUse, Keeper, Readiness

`MemoryLedger(buckets=1, *, now_ms=switch.clock.clock_ms, keeps_commits=True)` (`memory.ledger`) is the whole
store, shared by the connections of all workers; `connector(ledger, faults=None)` is in `memory.connection`.
Its parts for whoever plays the world:

- `ledger.registry` (`memory.registry.MemoryRegistry`): the operator's side. Each call is one change, returns
  its number, and who listens is told. `set_programme(ProgrammeRow)`, `apply_rules(RulesRow)`,
  `set_partner(PartnerRow)`, `set_terminal(TerminalRow)`, `set_key(KeyRow)`, `publish_offer(OfferRow)` take
  the rows of `ledger.registry.reads`; `add_card(Card)`, `add_cards([Card, …])`,
  `set_card(token, status=…, expires_day=…)` and `set_holder(Holder, born_on=…)` take `Card` and `Holder` of
  `memory.registry` (days since 1970). Where rules came with their ages
  (`apply_rules(row, time_zone=…, kind_steps=steps_of(rules))`), kinds follow from the day of birth, and the
  keeper advances them; it ends notices and keys, too. A card's account (`number << 3`) is opened with its
  first card. `registry.master_key_check = master.check_value` for a worker that checks its key. A token is
  what a worker computes (`master.pepper(programme).token(digits)`), a key
  `master.wrap(terminal, generation, key)`.
- `ledger.open_account(account)`: a card account without a card.
- `ledger.commits`: a list of `Commit(number, terminal, stan, posting, outcome)`: every row that was entered,
  in order, numbered from 1; tombstones are rows (kind TOMBSTONE). An inquiry that POST_BATCH answered
  (BALANCE, STATUS, QUOTE) stands there with the number of the newest row it could see, `is_entered` False.
  Empty it as you read it. For VERIFY and TOTALS, which are reads, `ledger.number` is the newest row's.
- `ledger.post([Posting, …])`: past all wires, for a ledger of one bucket (microseconds a posting).
- `ledger.balance(account)`; `ledger.check()`: what is wrong with the books, one line each; empty: nothing.

Faults (`memory.faults`): any object with `strike(connection, statement) -> Strike | None`, asked before each
statement. `Strike(ending=Ending.ANSWERED, delay_s=0.0, sqlstate="40001", constraint="")`: the server is at it
for `delay_s`; then it ends ANSWERED, REFUSED (with `sqlstate` and `constraint`, nothing done), LOST_BEFORE or
LOST_AFTER (the connection is lost, nothing or all done), SILENT_BEFORE or SILENT_AFTER (no answer ever, on
this connection), DOUBTFUL (answered, with the warning of a missing standby). `statement` is its text (compare
with `POST_BATCH`, `CLAIM`, …), or CONNECT, BEGIN, COMMIT. `connection.name` is the worker's
(`application_name`), `connection.terminate()` ends it from the server's side, `connection.fall_silent()`
makes it half open; `ledger.connections` are those that are open.

A statement that is not in `memory.statements.HANDLERS` raises AssertionError with its text. A statement is
carried out whole, in one moment; so every run with the same calls is the same.
"""
