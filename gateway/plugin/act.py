"""The closed list of acts that a connector may have put into the log."""

from enum import StrEnum


class Act(StrEnum):
    """What a connector did in its system's own place, worth a fact of its own."""

    FILE_TAKEN = "file_taken"
    FILE_REFUSED = "file_refused"
    FILE_FINISHED = "file_finished"
    FILE_DELETED = "file_deleted"
