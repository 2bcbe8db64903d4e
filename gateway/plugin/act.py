"""The closed lists of acts that a connector may have put into the log, and of what it may count there."""

from enum import StrEnum


class Act(StrEnum):
    """What a connector did in its system's own place, worth a fact of its own."""

    FILE_TAKEN = "file_taken"
    FILE_REFUSED = "file_refused"
    FILE_FINISHED = "file_finished"
    FILE_DELETED = "file_deleted"
    RESULT_DELETED = "result_deleted"
    PROVISION_REFUSED = "provision_refused"
    PROVISION_STANDS = "provision_stands"


class Counted(StrEnum):
    """What the counts of a noted act are of."""

    BYTES = "bytes"
    ROWS = "rows"
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    DEAD = "dead"
    RESULTS = "results"
