"""Importers: one module per format, each turning a file into rows for the services."""
