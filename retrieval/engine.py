"""The search line: encode, search dense and lexical, filter, fuse, pool to items."""
