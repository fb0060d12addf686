-- Journal rows by time and by transaction id, for whoever looks one up (ledger/books/search.py). Rows lie in the order in
-- which they came, so a summary of every 128 pages says where a moment is; no page of it spreads with the journal.
create index journal_time on ledger.journal using brin (accepted_at_ms, transaction_id) with (autosummarize = on);
