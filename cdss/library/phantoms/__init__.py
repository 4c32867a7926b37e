"""Phantom images of the demonstration library: drawn from numbers, of no patient."""
