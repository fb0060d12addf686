"""The holder's own pages: the nine functions of Zgierz § 19, for every programme."""
