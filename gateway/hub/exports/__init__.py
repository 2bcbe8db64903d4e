"""Copies of the log for other tools: JSON Lines, syslog over TLS, FHIR AuditEvents. The log is the truth.

At least once: a copy may come twice, as after kill -9, and is known by its log, seq and commitment.
`docs/exports.md` has the forms.
"""

from gateway.hub.exports.copy import Copy, copy_of
from gateway.hub.exports.exports import Exporting, Exports
from gateway.hub.exports.folder import SUFFIXES, Folder, file_form
from gateway.hub.exports.receiver import Receiver
from gateway.hub.exports.syslog import syslog_frame

__all__ = [
    "SUFFIXES",
    "Copy",
    "Exporting",
    "Exports",
    "Folder",
    "Receiver",
    "copy_of",
    "file_form",
    "syslog_frame",
]
