"""Reviewing the log and the users, with a signature (C107-C114, C047): what a period holds and what stands out in it;
findings from their opening to their end. What was signed and found, the facts alone tell.
"""

from gateway.hub.review.deeds import KINDS, deed, doer
from gateway.hub.review.finding import COMPARES, LOOKS, SIGNS, Code, Observation, Outcome
from gateway.hub.review.period import BEFORE, is_young
from gateway.hub.review.reviews import Close, Flag, Reviews, Sign, Take
from gateway.hub.review.standing import Finding, Standing, Subject
from gateway.hub.review.unusual import Unusual
from gateway.hub.review.users import Entitled, Table

__all__ = [
    "BEFORE",
    "COMPARES",
    "KINDS",
    "LOOKS",
    "SIGNS",
    "Close",
    "Code",
    "Entitled",
    "Finding",
    "Flag",
    "Observation",
    "Outcome",
    "Reviews",
    "Sign",
    "Standing",
    "Subject",
    "Table",
    "Take",
    "Unusual",
    "deed",
    "doer",
    "is_young",
]
