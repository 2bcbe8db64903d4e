"""Transparency logs as C2SP and RFC 9162 have them: the tree, its proofs and tiles, signed notes, checkpoints and
cosignatures.

Pure arithmetic on bytes and text; nothing here knows what a fact is, or where one is stored.
"""
