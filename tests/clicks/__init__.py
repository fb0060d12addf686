"""The bench of people at the office's pages."""
