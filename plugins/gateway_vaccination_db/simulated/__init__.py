"""The stand-in for 予防接種DB. It imports nothing of the gateway."""
