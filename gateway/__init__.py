"""Renkei Gateway: a blind hub between two edges.

A message's life: bytes come to an entrance of an edge (HTTPS, a connector's outbox, a reply). `edge/flow.py`
authenticates the sender, parses, admits each record by the sender's locked interface, projects it to what the route
carries, admits it by the destination's interface, and seals the rest for the destination. `hub/flow.py`, which sees a
small signed header and no payload, permits it by the route and its legal basis, records it durably in the central log,
and only then acknowledges. Its dispatcher hands the envelope to the destination's edge, which opens it, admits each
record by its own interface once more and hands it to its connector; each record ends accepted, duplicate, refused or
dead, that too is recorded, and the source hears of it.
"""
