"""The pages for people: security, figures, and the board in a real browser."""
