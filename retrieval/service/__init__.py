"""Encoders in a process of their own, asked over a Unix socket: who asks holds no model.

`wire` is the format, `server` the queue in front of the models, `client` the connections, and `remote` the encoders
that ask. Nothing is pickled; sizes are bounded on both sides; a version is named with every question.
"""
