"""Our own city's face: every call of its systems goes through システム連携基盤 to 中間サーバー and back.

The rule: outside stands the 宛名番号, inside the 団体内統合宛名番号, and the platform alone turns one into the other.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway_intermediate_server.simulated import forms
from gateway_intermediate_server.simulated.face import Call
from gateway_intermediate_server.simulated.server import Server

_Answer = Mapping[str, Any]
_NOTHING: Final[_Answer] = {}


class OwnCity:
    """The calls of platform and server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._platform = server.platform

    def calls(self) -> dict[str, Call]:
        """By path."""
        return self._platform_calls() | self._inquiry_calls() | self._answering_calls()

    def _platform_calls(self) -> dict[str, Call]:
        return {
            "/platform/v1/addressees/register": Call(forms.Addressee, self._register),
            "/platform/v1/addressees/find": Call(forms.Whose, self._find),
            "/platform/v1/process-serials": Call(forms.Whose, self._serial, 201),
            "/platform/v1/codes/acquire": Call(forms.CodeWanted, self._acquire, 202),
            "/platform/v1/replicas/register": Call(forms.Replica, self._replica),
            "/platform/v1/replicas/delete": Call(forms.ReplicaGone, self._replica_gone),
            "/platform/v1/replicas/find": Call(forms.ReplicasWanted, self._replicas),
            "/platform/v1/replicas/export": Call(forms.Export, self._export),
        }

    def _inquiry_calls(self) -> dict[str, Call]:
        return {
            "/server/v1/matching-list": Call(forms.Nothing, self._matching_list, method="GET"),
            "/server/v1/permits/request": Call(forms.PermitWanted, self._ask_permit, 202),
            "/server/v1/permits/fetch": Call(forms.PermitRequest, self._permit),
            "/server/v1/inquiries/send": Call(forms.InquirySent, self._send, 202),
            "/server/v1/inquiries/list": Call(forms.Nothing, self._inquiries),
            "/server/v1/inquiries/result": Call(forms.Inquiry, self._result),
            "/server/v1/inquiries/taken": Call(forms.Inquiry, self._taken),
            "/server/v1/inquiries/delete": Call(forms.Inquiry, self._delete),
            "/server/v1/statutory-records/make": Call(forms.StatutoryRecord, self._record),
        }

    def _answering_calls(self) -> dict[str, Call]:
        return {
            "/server/v1/provisions/list": Call(forms.Nothing, self._provisions),
            "/server/v1/provisions/fetch": Call(forms.Provision, self._provision),
            "/server/v1/provisions/answer": Call(forms.ProvisionAnswer, self._provide),
            "/server/v1/self-information/list": Call(forms.Nothing, self._self_requests),
            "/server/v1/self-information/fetch": Call(forms.SelfRequest, self._self_request),
            "/server/v1/self-information/answer": Call(forms.SelfAnswer, self._self_answer),
            "/server/v1/announcements/send": Call(forms.Announcement, self._announce, 202),
            "/server/v1/announcements/statuses": Call(forms.Nothing, self._statuses),
            "/server/v1/announcements/statuses/taken": Call(forms.AnnouncementTaken, self._status_taken),
        }

    def _inside(self, internal_no: str) -> str:
        """Raises Refusal."""
        return self._platform.person(internal_no).integrated_addressee_no

    def _outside(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The same answer with the 宛名番号 in the other number's place."""
        number = answer.pop("integrated_addressee_no")
        return {**answer, "internal_no": self._platform.internal_no(number)}

    # ---- platform ----------------------------------------------------------------------------------------------------

    def _register(self, given: forms.Addressee) -> _Answer:
        result = self._platform.register(given)
        return {"result": result, "code_state": self._server.codes.state(self._inside(given.internal_no))}

    def _find(self, given: forms.Whose) -> _Answer:
        person = self._platform.person(given.internal_no)
        return {
            "integrated_addressee_no": person.integrated_addressee_no,
            "no_auto_response_flag": person.no_auto_response_flag,
            "code_state": self._server.codes.state(person.integrated_addressee_no),
        }

    def _serial(self, given: forms.Whose) -> _Answer:
        return {"process_serial_no": self._platform.serial(given.internal_no)}

    def _acquire(self, given: forms.CodeWanted) -> _Answer:
        number = self._platform.number_for(given.internal_no, given.process_serial_no)
        self._server.acquire(self._inside(given.internal_no), number)
        return _NOTHING

    def _replica(self, given: forms.Replica) -> _Answer:
        return {"result": self._server.replicas.register(self._inside(given.internal_no), given)}

    def _replica_gone(self, given: forms.ReplicaGone) -> _Answer:
        return {"result": self._server.replicas.delete(self._inside(given.internal_no), given)}

    def _replicas(self, given: forms.ReplicasWanted) -> _Answer:
        person = self._platform.person(given.internal_no)
        found = self._server.replicas.of(person.integrated_addressee_no, given.dataset_code)
        return {"no_auto_response_flag": person.no_auto_response_flag, "replicas": found}

    def _export(self, given: forms.Export) -> _Answer:
        people = self._platform.people(int(given.after or 0), given.limit)
        told = [
            {"internal_no": each.internal_no, "replicas": self._server.replicas.of(each.integrated_addressee_no)}
            for each in people
        ]
        return {"people": told, "next": str(people[-1].place) if len(people) == given.limit else None}

    # ---- server: what the city asks ----------------------------------------------------------------------------------

    def _matching_list(self, _: forms.Nothing) -> _Answer:
        return {"list": self._server.matching_list()}

    def _ask_permit(self, given: forms.PermitWanted) -> _Answer:
        inside = self._inside(given.internal_no)
        return {"permit_request_no": self._server.inquiries.ask(inside, self._server.codes.of(inside), given)}

    def _permit(self, given: forms.PermitRequest) -> _Answer:
        state, permit = self._server.inquiries.permit(given.permit_request_no)
        return {"state": state} if permit is None else {"state": state, "permit": permit}

    def _send(self, given: forms.InquirySent) -> _Answer:
        return {"inquiry_receipt_no": self._server.inquiries.send(given.request_id, given.permit)}

    def _inquiries(self, _: forms.Nothing) -> _Answer:
        return {"inquiries": self._server.inquiries.kept()}

    def _result(self, given: forms.Inquiry) -> _Answer:
        return self._outside(self._server.inquiries.result(given.inquiry_receipt_no))

    def _taken(self, given: forms.Inquiry) -> _Answer:
        self._server.inquiries.take(given.inquiry_receipt_no)
        return _NOTHING

    def _delete(self, given: forms.Inquiry) -> _Answer:
        return {"result": "deleted" if self._server.inquiries.delete(given.inquiry_receipt_no) else "absent"}

    def _record(self, given: forms.StatutoryRecord) -> _Answer:
        self._server.records.make("inquiry", given.permit_no, given)
        return _NOTHING

    # ---- server: what the city is asked ------------------------------------------------------------------------------

    def _provisions(self, _: forms.Nothing) -> _Answer:
        return {"provisions": self._server.provisions.waiting()}

    def _provision(self, given: forms.Provision) -> _Answer:
        return self._outside(self._server.provisions.fetch(given.provision_no))

    def _provide(self, given: forms.ProvisionAnswer) -> _Answer:
        self._server.provide(given)
        return _NOTHING

    def _self_requests(self, _: forms.Nothing) -> _Answer:
        return {"self_requests": self._server.self_requests.waiting()}

    def _self_request(self, given: forms.SelfRequest) -> _Answer:
        return self._outside(self._server.self_requests.fetch(given.self_request_no))

    def _self_answer(self, given: forms.SelfAnswer) -> _Answer:
        self._server.tell_resident(given)
        return _NOTHING

    def _announce(self, given: forms.Announcement) -> _Answer:
        inside = self._inside(given.internal_no)
        self._server.codes.of(inside)
        self._server.announcements.send(inside, given)
        return _NOTHING

    def _statuses(self, _: forms.Nothing) -> _Answer:
        return {"statuses": [self._outside(each) for each in self._server.announcements.statuses()]}

    def _status_taken(self, given: forms.AnnouncementTaken) -> _Answer:
        self._server.announcements.take(given.announcement_no, given.response)
        return _NOTHING
