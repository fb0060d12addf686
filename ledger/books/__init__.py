"""The books: postings, group commit, statements and the proof that they are right."""
