"""The stand-in keeps to what is known of the real ones: permit first, answer later, and nobody's number anywhere."""

from tests.plugins.intermediate_server.exchanges import (
    DATASET,
    DOSE,
    PROCEDURE,
    ROW,
    claims,
    inquire,
    opened,
    permit_wanted,
    public,
    recorded,
    replica,
    sealed,
    thumbprint,
)
from tests.plugins.intermediate_server.running import MUNICIPALITY, Simulator, Site
from tests.plugins.vaccination_records.subjects import CITY


async def test_an_inquiry_needs_its_permit_and_is_answered_to_the_key_that_it_named(
    site: Site, system: Simulator
) -> None:
    resident = await system.resident()
    whose = {"body": MUNICIPALITY, "individual_number": resident.individual_number}
    await system.control("person", whose | {"doses": [DOSE, DOSE | {"vaccinated_on": "2020-01-01"}]})
    wanted = permit_wanted(site, resident, "R1", inquiry_from="2024-06-01", inquiry_to="2024-06-01")
    asked = await system.call("server/v1/permits/request", wanted, status=202)
    granted = await system.call("server/v1/permits/fetch", asked)
    assert granted["state"] == "granted"
    permit = claims(site, granted["permit"])
    assert {
        name: permit[name] for name in ("use", "inquirer", "provider", "row", "procedure_code", "dataset_code")
    } == {
        "use": "permit",
        "inquirer": CITY,
        "provider": MUNICIPALITY,
        "row": ROW,
        "procedure_code": PROCEDURE,
        "dataset_code": DATASET,
    }
    assert permit["key"] == thumbprint(public(site.city_key))
    sent = await system.call("server/v1/inquiries/send", {"request_id": "R1", "permit": granted["permit"]}, status=202)
    result = await system.call("server/v1/inquiries/result", sent)
    answer = opened(site.city_key, permit["jti"], result.pop("answer")["enc_ciphertext"])
    assert answer == {"inquiry": permit["sub"], "doses": [DOSE]}
    assert result == {
        "request_id": "R1",
        "internal_no": resident.internal_no,
        "state": "answered",
        "permit": granted["permit"],
        "row": ROW,
        "provider_code": MUNICIPALITY,
    }
    (record,) = [
        each for each in (await system.control("statutory-records"))["others"] if each["permit_no"] == permit["jti"]
    ]
    assert (record["body"], record["kind"], record["items"]) == (MUNICIPALITY, "provision", sorted(DOSE))


async def test_another_body_asks_and_opens_what_was_sealed_for_it(site: Site, system: Simulator) -> None:
    resident = await system.resident()
    assert await system.call("platform/v1/replicas/register", replica(resident, "REC1")) == {"result": "registered"}
    asked = await system.control("inquire", inquire(resident))
    listed = (await system.call("server/v1/provisions/list"))["provisions"]
    (waiting,) = [each for each in listed if each["provision_no"] == asked["provision_no"]]
    request = await system.call("server/v1/provisions/fetch", asked)
    permit, route = claims(site, request.pop("permit")), claims(site, request.pop("route_info"))
    key = request.pop("inquirer_encryption_key")
    assert request == asked | {
        "received_at": waiting["received_at"],
        "internal_no": resident.internal_no,
        "row": ROW,
        "procedure_code": PROCEDURE,
        "dataset_code": DATASET,
        "claimed_inquirer_code": MUNICIPALITY,
        "claimed_destination": MUNICIPALITY,
    }
    assert (permit["key"], permit["provider"], permit["use"]) == (thumbprint(key), CITY, "permit")
    assert (route["permit"], route["destination"], route["use"]) == (permit["jti"], MUNICIPALITY, "route")
    answer = sealed(key, permit["jti"], asked | {"doses": [DOSE]})
    provided = asked | {"permit_no": permit["jti"], "destination": route["destination"], "result": "answered"}
    assert await system.control("inquired", asked) == {"state": "waiting", "doses": None, "statutory_records": 0}
    provided |= {"answer": answer, "record": recorded(permit["jti"])}
    assert await system.call("server/v1/provisions/answer", provided) == {}
    assert await system.control("inquired", asked) == {"state": "answered", "doses": [DOSE], "statutory_records": 1}
    assert asked["provision_no"] not in str(await system.call("server/v1/provisions/list"))
