"""Sections 2 to 13 of protocol.md in Python, written from that document alone.

An independent implementation: it exists to check that protocol.md is enough to build a client
that understands the nodes, and it shares no code with the SDK. It is not a product. Python
integers are neither constant-time nor erasable, so nobody should keep a real key with it.
"""
