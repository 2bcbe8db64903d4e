"""A witness (証人): a process of its own, run by somebody else than the logs that it watches. It cosigns a log's
checkpoint only if that log has grown out of the last one that it cosigned (c2sp.org/tlog-witness).

So whoever put an older copy of a log back, or tells another story to somebody else, is found out, whatever keys he has.
It knows neither hub nor edge: all that it sees of a log are sizes and hashes, under a signature.
"""
