"""Measures the gateway from outside, as its peers see it: real processes, real mutual TLS, a real folder, no faults.

Nothing here is a test of time: figures are shown, not judged. A wrong outcome is: then the exit status is 1.
"""
