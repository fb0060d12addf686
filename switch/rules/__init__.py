"""What decides: programme files, the registry in memory, decisions, dates and receipts."""
