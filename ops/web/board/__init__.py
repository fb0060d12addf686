"""The board: one page that shows the city at work. A process of its own, which reads and never writes."""
