"""Rows of `manage.py benchmark` about consultations: see `cdss.indexing.benchmarks`."""
