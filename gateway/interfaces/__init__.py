"""Locked interfaces as others read them: schema, description of the HTTPS entrance, tables, and what a change breaks.

Nothing here decides what may flow: that is the lock, and the edge that holds records against it.
"""
