"""An edge: the half of the line that sees plaintext, for one connector of one tenant. Read `flow.py` first."""
