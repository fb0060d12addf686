"""The auditor: what terminals were told, held against the books."""
