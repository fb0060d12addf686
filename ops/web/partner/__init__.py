"""The partner's own pages: outlets and terminals, offers and what is declared, statements and invoices."""
