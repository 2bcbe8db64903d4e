"""What `[[exports]]` may say; what does not hold together is told with its key, and nothing starts."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from gateway.config import Export, contradictions
from gateway.errors import Misconfigured
from gateway.wiring.expiring import _named
from gateway.wiring.exporting import exporting
from tests.exports.setting import FILES
from tests.journal.builders import TENANT

RECEIVER = {"host": "localhost", "port": 6514, **FILES}
FOLDER = {"name": "copies", "form": "jsonl", "tenants": [TENANT], "folder": "copies"}
SYSLOG = {"name": "siem", "form": "syslog", "tenants": [TENANT, "system"], "syslog": RECEIVER}


def configured(site, *exports, **changes):
    made = tuple(Export.model_validate(each) for each in exports)
    return replace(site.config, gateway=site.config.gateway.model_copy(update={"exports": made, **changes}))


def told(config):
    return [each.removeprefix("config/gateway.toml: ") for each in contradictions(config)]


@pytest.mark.parametrize(
    "wrong",
    [
        FOLDER | {"folder": None},
        FOLDER | {"form": "syslog"},
        FOLDER | {"syslog": RECEIVER},
        SYSLOG | {"syslog": None},
        SYSLOG | {"folder": "copies"},
        SYSLOG | {"form": "fhir"},
        SYSLOG | {"syslog": RECEIVER | {"port": 0}},
        FOLDER | {"tenants": []},
        FOLDER | {"form": "cef"},
        FOLDER | {"name": "has 12 digits 999999999999"},
    ],
)
def test_a_form_and_its_place_belong_together(wrong):
    Export.model_validate(FOLDER)
    Export.model_validate(SYSLOG)
    with pytest.raises(ValidationError):
        Export.model_validate(wrong)


def test_each_has_its_own_name_and_folder_and_logs_that_are_there(site):
    assert told(configured(site, FOLDER, SYSLOG)) == []
    assert told(configured(site, FOLDER, SYSLOG | {"name": "copies"})) == [
        "exports.copies: two exports have this name; each needs its own"
    ]
    assert told(configured(site, FOLDER, FOLDER | {"name": "more"})) == [
        "exports.more.folder: is another export's already; each needs its own"
    ]
    (site.config.root / "link").symlink_to("copies")
    for same in ("link", "elsewhere/../copies", str(site.config.root / "copies")):
        assert told(configured(site, FOLDER, FOLDER | {"name": "more", "folder": same})) == [
            "exports.more.folder: is another export's already; each needs its own"
        ]
    (unknown,) = told(configured(site, FOLDER | {"tenants": ["140007"]}))
    assert unknown.startswith("exports.copies.tenants: 140007 is neither configured here nor `system`")


def test_what_is_no_kind_and_what_cannot_be_read_is_told(site):
    with pytest.raises(Misconfigured, match=r"exports.copies.kinds: message.eaten is no kind of fact"):
        exporting(configured(site, FOLDER | {"kinds": ["message.eaten"]}))
    with pytest.raises(Misconfigured, match=r"exports.siem.syslog: certificate, key or ca: .*nowhere.crt"):
        exporting(configured(site, SYSLOG | {"syslog": RECEIVER | {"ca": "keys/tls/nowhere.crt"}}))


def test_certificates_of_a_receiver_are_told_before_they_end(site):
    named = dict(_named(configured(site, SYSLOG), {}))
    assert named["config/gateway.toml: exports.siem"] == FILES["ca"]
