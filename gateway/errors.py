"""Errors, named by who acts next: the sender (`Refused`), time (`Deferred`), or the operator (`Misconfigured`).

A code is stable and goes to the peer and into the log. The text beside it is for people. Neither ever holds a value
from a message, nor the name of an unknown key: such a name may itself be a person's.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

LONGEST_PATIENCE: Final = 86_400.0
"""Seconds: nobody is waited for longer at his own word."""


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means: the HTTP status a sender gets for a whole refusal, and one sentence for people."""

    status: int
    title: str


CODES: Final = MappingProxyType(
    {
        # who you are
        "unknown_certificate": Code(403, "The client certificate is not pinned to any connector."),
        "wrong_connector": Code(403, "The certificate belongs to another connector than the address names."),
        "wrong_tenant": Code(403, "The certificate does not speak for the tenant that the address names."),
        "above_clearance": Code(403, "The listener's zone may not carry a data class of this operation."),
        "bad_actor": Code(400, "Renkei-Actor or Renkei-Terminal is not a plain staff or terminal id."),
        # what persons may do
        "role_missing": Code(403, "The person has not the role, in this tenant and today, that the act needs."),
        "own_grant": Code(403, "Nobody grants a role to himself, nor revokes his own."),
        "duties_conflict": Code(
            403,
            "Who is configured as operator or administrator may be neither officer, approver nor auditor; an auditor"
            " has no other role.",
        ),
        "case_taken": Code(
            409,
            "A legal hold under this case is in force; what is held besides goes under another, such as this with -2.",
        ),
        "unknown_case": Code(404, "No legal hold under this case is in force."),
        "bad_retention": Code(400, "The body is not what this act on kept data says."),
        "unknown_copy": Code(404, "No copy of this id is listed, or it was declared destroyed before."),
        "bad_copy": Code(400, "The body is not what is said of a copy of logs."),
        "under_investigation": Code(409, "A legal hold is on it: nothing of it goes before that is lifted."),
        "certificate_taken": Code(
            409,
            "The certificate is another person's or a machine's, or the configuration gives this one another.",
        ),
        "certificates_missing": Code(
            409,
            "Certificates that the configuration names for machines are not here, so any may be one; "
            "gateway check at the hub names them.",
        ),
        "bad_grant": Code(
            400, "Person, role, certificate or last day is missing, or not of the form that is asked for."
        ),
        "bad_last_day": Code(
            422, "A right's last day is today in Japan at the earliest, and 366 days after that at the latest."
        ),
        "bad_report": Code(400, "There is no such report, or it is not asked for in its form, or its days cannot be."),
        "bad_case": Code(400, "A case is 1 to 32 letters, digits and ._- with fewer than 12 digits together."),
        "bad_search": Code(
            400,
            "A condition of the search is unknown or not of its form, or its days cannot be.",
        ),
        "bad_review": Code(
            400,
            "That fact was signed already, or there is none of that number: gateway log review names the one to sign.",
        ),
        "reviewed_meanwhile": Code(409, "Somebody else signed a review meanwhile; look again."),
        "bad_table": Code(400, "The table is not rows of staff id, role and last day, each person's role once."),
        "bad_finding": Code(400, "Facts, case or outcome of the finding are not of the form that is asked for."),
        "unknown_finding": Code(404, "There is no such finding."),
        "not_taken": Code(409, "Nobody has taken the finding yet, under a case: gateway log finding take."),
        "finding_closed": Code(409, "The finding is closed already."),
        "own_finding": Code(403, "Nobody looks into a finding that may be about acts of his own."),
        "unknown_right": Code(404, "The person has no such right."),
        # the whole arrival
        "body_too_large": Code(413, "The body is larger than this gateway takes."),
        "body_too_slow": Code(408, "The body took longer to come than a person's act may."),
        "not_json": Code(400, "The body is not one well-formed UTF-8 JSON text (no duplicate keys, no NaN)."),
        "not_an_array": Code(400, "The body must be a JSON array of records."),
        "too_many_records": Code(
            413, "The array holds more records than the operation allows in one message, or than this gateway takes."
        ),
        "no_records": Code(400, "The array is empty."),
        "unknown_operation": Code(404, "The locked interface has no such operation."),
        "wrong_method": Code(405, "This address does not take that HTTP method; Allow names those that it takes."),
        "no_route": Code(403, "No route in the configuration carries this operation."),
        "bad_request_key": Code(400, "Idempotency-Key must be 1 to 128 visible ASCII characters."),
        "request_key_reused": Code(409, "The same Idempotency-Key came before with another body."),
        "answer_expired": Code(410, "The answer to this Idempotency-Key is no longer given; ask with a new key."),
        "records_refused": Code(422, "Some records of the message were refused; see records."),
        "all_records_refused": Code(422, "Every record was refused; see records."),
        "unknown_column": Code(422, "The file has a column that the interface does not know; nothing was taken."),
        "missing_column": Code(422, "The file lacks a column that the interface needs; nothing was taken."),
        "unreadable_file": Code(422, "The file cannot be read as the configured form; nothing was taken."),
        # one record
        "not_an_object": Code(422, "The record is not a JSON object."),
        "unknown_field": Code(422, "The record holds a field that the locked interface does not have."),
        "missing_required": Code(422, "A required field is absent."),
        "null_value": Code(422, "Null is refused; leave an absent field out."),
        "wrong_type": Code(422, "The field has another JSON type than the interface says."),
        "too_long": Code(422, "The text is longer than the field allows."),
        "too_short": Code(422, "The text is shorter than the field allows."),
        "out_of_range": Code(422, "The number or the time is outside what the field allows."),
        "wrong_pattern": Code(422, "The text does not have the form that the field requires."),
        "not_in_code_list": Code(422, "The code is not in the field's closed list."),
        "check_digit": Code(422, "The check digit is wrong."),
        "not_a_date": Code(422, "The date does not exist or is not written YYYY-MM-DD."),
        "not_a_time": Code(422, "The time does not exist or lacks its offset."),
        "control_character": Code(422, "The text holds a control character."),
        "use_stopped": Code(
            422, "At this system's edge the use of this person's data is stopped; nothing about the person passes."
        ),
        "individual_number_in_text": Code(422, "A text holds an individual number, or an identifier is one."),
        "too_deep": Code(422, "The record is nested deeper than any interface allows."),
        "undecodable_bytes": Code(422, "The row, or the header, holds bytes that are not in the configured encoding."),
        "surplus_cell": Code(422, "The row has more cells than the header names."),
        "missing_cell": Code(422, "The row has fewer cells than the header names."),
        "unreadable": Code(422, "The connector could not read the record."),
        # what the hub refuses
        "bad_envelope": Code(400, "The envelope is not of the form that the specification gives."),
        "bad_signature": Code(403, "The signature is not by the sending edge's key in the directory."),
        "unknown_key": Code(403, "The directory has no such key for this connector."),
        "header_mismatch": Code(403, "The header contradicts the route or the link it came by."),
        "clock_differs": Code(503, "The message was made more than five minutes from the hub's time: set the clocks."),
        "items_beyond_route": Code(403, "The header names an item that the route does not carry."),
        "basis_not_in_force": Code(403, "A legal basis, row or assessment is not of the route, or not in force now."),
        "counterparty_not_allowed": Code(403, "The law does not allow this exchange with that body."),
        "interface_changed": Code(409, "The header's interface digest is not one that is valid now."),
        "not_attested": Code(403, "What the route wants attested of a person is not, or is not for this record."),
        "expired": Code(410, "The message expired before it was delivered."),
        "no_open_request": Code(409, "No open request awaits this reply."),
        "message_id_reused": Code(409, "The message id was used before."),
        "bad_tags": Code(400, "The person tags do not match the digest in the header."),
        "unknown_tenant": Code(404, "No such tenant is configured here."),
        "unknown_message": Code(404, "No such message is known here."),
        "unknown_fact": Code(404, "The log has no such fact."),
        "fact_purged": Code(410, "The fact's content was deleted after its time; only its place in the log is left."),
        "not_replayable": Code(409, "Nothing of this message can be replayed: no record of it is dead."),
        "send_anew": Code(409, "The message can no longer be carried as it was sealed; the source must send it anew."),
        "not_ended": Code(409, "The message has not ended: some of its records are still to be delivered."),
        # what people decide
        "not_held": Code(409, "The message is not held: it never was, or it was released or refused, or has expired."),
        "not_looked_at": Code(409, "Whoever decides about a held message, or signs a review, has to look at it first."),
        "maker_may_not_confirm": Code(403, "Whoever made something may neither release nor refuse it."),
        "second_person_needed": Code(409, "Whoever approved a release may not be the second who releases."),
        "bad_reason": Code(400, "A refusal gives one reason of the closed list, and nothing else."),
        "edge_elsewhere": Code(404, "No edge of this connector is open in this process; name another with --root."),
        "not_released": Code(422, "It was held, and people decided not to release it."),
        # what the receiving edge refuses
        "cannot_open": Code(422, "The payload does not open under its header with this edge's key."),
        "items_differ": Code(
            422,
            "The payload does not hold exactly the items that its header names, or has other rows than it cites.",
        ),
        # what a system answers
        "superseded": Code(422, "A newer state of this person from the same source is already recorded."),
        "version_conflict": Code(422, "The same version was recorded before with other content."),
        "dispute": Code(
            422,
            "It contradicts its question, or what is known: another person, another number, a number for a key, "
            "a pseudonym or ID5 that is another person's.",
        ),
        "no_such_person": Code(422, "There is no such person."),
        "refused_by_system": Code(422, "The destination system refused the record."),
        # later, not never
        "system_unreachable": Code(503, "The destination system cannot be reached."),
        "export_unreadable": Code(503, "The folder of an export cannot be read, so nobody can say what is in it."),
        "index_unavailable": Code(
            503, "The index of the log cannot be read or written now; the log itself is not concerned."
        ),
        "hub_unreachable": Code(503, "The hub cannot be reached, so nothing passes."),
        "system_busy": Code(503, "The destination system asks for patience."),
        "deadline": Code(503, "The destination system did not answer in time."),
        "behind_deferred": Code(503, "An earlier record of the same person is still to be delivered."),
        "use_stops_unreadable": Code(
            503, "The edge cannot read whose use is stopped, so nothing passes; its health and log say why."
        ),
        "key_not_here": Code(503, "The receiving edge lacks a key that the message names; reload it with the newest."),
        "directory_ahead": Code(503, "The edge has a newer directory than the hub; reload the hub with it first."),
        "limits_differ": Code(
            503,
            "The edge's limits exceed the hub's in records_per_message, lanes, message_seconds, answer_seconds or"
            " delivery_deadline; raise the hub's. Or its body_bytes is another than the hub's, or its routes give"
            " messages a longer life.",
        ),
        "connector_bug": Code(503, "The connector failed in a way that its contract does not allow."),
        "queue_full": Code(503, "Too much is waiting to be delivered; try again later."),
        "log_unavailable": Code(503, "The central log cannot be written, so nothing passes."),
        "stopping": Code(503, "The gateway is stopping."),
        "internal": Code(500, "The gateway failed; the cause is in its telemetry."),
        # the end of the road
        "gave_up": Code(503, "The last attempt failed; the record is a dead letter."),
        "misconfigured": Code(500, "The configuration does not hold together."),
    }
)


class GatewayError(Exception):
    """The root of the three; never raised itself."""

    cause: str | None = None

    def __init__(self, code: str) -> None:
        super().__init__(f"{code}: {CODES[code].title}" if code in CODES else code)
        self.code = code


Reason: TypeAlias = Literal[
    "absent",
    "form",
    "unknown_key",
    "signature",
    "claims",
    "issuer",
    "audience",
    "too_early",
    "expired",
    "peer",
    "route",
]
"""Why nothing is attested, for the operator's telemetry alone: whoever showed the proof hears `not_attested`.

None was shown; it is not of the form of one; its key is not pinned; it is not signed by that; it does not say what it
must, in the form it must; another issued it, or for another; its time has not begun, or is over; the certificate is of
no known peer; it proves less or more than the route wants.
"""


class Refused(GatewayError):
    """The sender must change something. Never retried.

    `path` is a path of the locked interface or None; it never names what the sender made up. `reason` stays in the
    process that raised it. `cause` is one sentence for a person at the operators' listener, without values of messages.
    """

    def __init__(
        self, code: str, path: str | None = None, reason: Reason | None = None, cause: str | None = None
    ) -> None:
        super().__init__(code)
        self.path = path
        self.reason = reason
        self.cause = cause


class Deferred(GatewayError):
    """Nobody needs to change anything: the same again later. `retry_after` is in seconds; `cause` is one sentence for
    people, without values.
    """

    def __init__(self, code: str, retry_after: float | None = None, cause: str | None = None) -> None:
        super().__init__(code)
        self.retry_after = retry_after
        self.cause = cause


def patience(said: object) -> float | None:
    """What a plugin or another process gave as `retry_after`: seconds, at most a day; None if it is no such number."""
    if isinstance(said, int | float) and 0 <= said < math.inf:
        return float(min(said, LONGEST_PATIENCE))
    return None


class Misconfigured(GatewayError):
    """The operator must change something before the gateway starts, or before a reload applies.

    `problems` are sentences that each name the file and the key.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        super().__init__("misconfigured")
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(self.problems)


@contextmanager
def told_at(where: str) -> Iterator[None]:
    """Puts file and key before each problem of a Misconfigured that comes from within."""
    try:
        yield
    except Misconfigured as wrong:
        raise Misconfigured(f"{where}: {each}" if where else each for each in wrong.problems) from None
