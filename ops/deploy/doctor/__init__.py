"""The doctor's judgements: each a function of what was measured, and the measuring beside it."""
