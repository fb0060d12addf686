"""The pages of a desk: applications and their clocks, holders, cases of cards, messages."""
