"""LTI 1.3: a learning platform sends a learner to a quiz here, and the score goes back to it.

Written on PyJWT, which signs and verifies for the identity provider already (docs/adr/0003-lti.md says why).
"""
