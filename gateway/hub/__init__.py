"""The hub: blind between the edges. It permits, records, dispatches and proves; it holds no key that opens anything.

Read `flow.py` first.
"""
