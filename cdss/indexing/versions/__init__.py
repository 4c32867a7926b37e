"""Versions of the index: made, published, kept in step with the database, checked and let go."""
