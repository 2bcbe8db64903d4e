"""What leaves a log to convince a stranger, as files: a whole log (c2sp.org/tlog-tiles, with the facts beside it), or
the proof of one fact. Nothing here needs a gateway, a database or a network.
"""
