"""What differs in the gateway's own file, and in the settings of a connector: who can be reached, and who comes in."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.assessment.change import Change, Kind
from gateway.assessment.conditions import passphrase_source
from gateway.assessment.leaves import at_home, flat
from gateway.assessment.subject import Subject
from gateway.config import Export, Listener

_NONE: Final = "なし"
_GUARDED: Final = {"file": 0, "env": 1, "systemd": 2}
"""How far the source of the passphrase is from the keys that it opens: more is better."""


def machine_changed(old: Subject, new: Subject) -> Iterator[Change]:
    """Entrances, people by configuration, witnesses, exports, and where the passphrase comes from."""
    yield from _entrances(old, new)
    yield from _configured_people(old, new)
    yield from _witnesses(old, new)
    yield from _exports(old, new)
    (was, _, there), (now, _, here) = (each.config.gateway.passphrase.partition(":") for each in (old, new))
    there, here = at_home(old, there, new, here)
    if (was, there) != (now, here):
        yield _passphrase(passphrase_source(old), passphrase_source(new))


def _passphrase(was: str, now: str) -> Change:
    """Of the same kind of source it is in another place, where others may read it: which one, is not published."""
    kind: Kind = "unjudged" if was == now else "weaker" if _GUARDED.get(now, 0) < _GUARDED.get(was, 0) else "lighter"
    after = f"{now}:(別の場所)" if was == now else f"{now}:"
    return Change("Ⅲ 7. 秘密鍵を開くパスフレーズの元 ※", f"{was}:", after, kind)


def settings_changed(old: Subject, new: Subject, name: str, routes: tuple[str, ...]) -> Iterator[Change]:
    """What the settings of a connector that was there say: another host is named, of all else that it is another."""
    before, after = (flat("", each.connectors[name].settings) for each in (old, new))
    for key in dict.fromkeys((*before, *after)):
        was, now = at_home(old, before.get(key), new, after.get(key))
        if was == now:
            continue
        item = f"Ⅰ 2. {new.system(name)}の設定 {key}"
        hosts = [_host(each) for each in (was, now)]
        if hosts[1] is not None and hosts[0] != hosts[1]:
            yield Change(item, hosts[0] or _NONE, hosts[1], "new_means", routes)
        else:  # a setting may be anything: it is not written out
            told = [_NONE if each is None else word for each, word in ((was, "設定あり"), (now, "設定あり(変更後)"))]
            elsewhere = now is not None and key.endswith("folder")  # another share is another way
            yield Change(item, told[0], told[1], "new_means" if elsewhere else "unjudged", routes)
    certificates = [each.connectors[name].certificates for each in (old, new)]
    if certificates[0] != certificates[1]:
        item = f"Ⅰ 2. {new.system(name)}の登録した証明書"
        kind: Kind = "new_means" if {*certificates[1]} - {*certificates[0]} else "narrower"
        before_after = ["、".join(each) or _NONE for each in certificates]
        yield Change(item, before_after[0], before_after[1], kind, routes)


def _host(value: Any) -> str | None:
    """The host and port of an address, with its scheme unless that is https, and never with a name or password that
    stands in it; None of anything else.
    """
    if not isinstance(value, str) or "://" not in value:
        return None
    try:
        parts = urlsplit(value)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:  # no host, or no port
        return None
    scheme, host = "" if parts.scheme == "https" else f"{parts.scheme}://", parts.hostname
    host = f"[{host}]" if host and ":" in host else host
    return f"{scheme}{host}{port}" if host else None


def _entrances(old: Subject, new: Subject) -> Iterator[Change]:
    before, after = ({each.name: each for each in subject.config.gateway.listeners} for subject in (old, new))
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        told = _entrance(old, was), _entrance(new, now)
        if told[0] != told[1]:
            yield Change(f"Ⅰ 2. 受口 {name}", *told, _opened(old, was, new, now))


def _opened(old: Subject, was: Listener | None, new: Subject, now: Listener | None) -> Kind:
    """A way in from the internet weakens what stands against risks; another port is none."""
    if now is None:
        return "narrower"
    if was is not None and (was.zone, was.host) == (now.zone, now.host):
        return "formal"
    outside = was is not None and old.config.zones[was.zone].internet
    return "weaker" if new.config.zones[now.zone].internet and not outside else "new_means"


def _entrance(subject: Subject, listener: Listener | None) -> str:
    if listener is None:
        return _NONE
    return f"{subject.config.zones[listener.zone].label} {listener.host}:{listener.port}"


def _configured_people(old: Subject, new: Subject) -> Iterator[Change]:
    """Who has power by configuration alone. How many, and not who: the table is published."""
    for label, before, after in (
        (
            "機械を運用する者([admin] の operators)",
            old.config.gateway.admin.operators,
            new.config.gateway.admin.operators,
        ),
        ("ユーザID管理者([administrators])", old.tenant.file.administrators, new.tenant.file.administrators),
    ):
        if before != after:
            others = len(after.items() - before.items())
            told = f"{len(after)}人(うち新たな者又は証明書 {others})"
            yield Change(f"Ⅲ 3. {label}", f"{len(before)}人", told, "unjudged" if others else "narrower")


def _witnesses(old: Subject, new: Subject) -> Iterator[Change]:
    """That there is none any more, or the first one, is told of the safeguard."""
    before, after = ([f"{each.url}" for each in subject.config.gateway.witnesses] for subject in (old, new))
    if before and after and before != after:
        fewer = len(after) < len(before)
        kind: Kind = "weaker" if fewer else "lighter" if {*before} <= {*after} else "unjudged"
        yield Change("Ⅲ 7. 証人 ※", "、".join(before), "、".join(after), kind)


def _exports(old: Subject, new: Subject) -> Iterator[Change]:
    before, after = ({each.name: each for each in subject.exports} for subject in (old, new))
    for name in dict.fromkeys((*before, *after)):
        exports = before.get(name), after.get(name)
        folders = [None if each is None else each.folder for each in exports]
        was, now = map(_place, exports, at_home(old, folders[0], new, folders[1]))
        if was != now:
            kind: Kind = "narrower" if name not in after else "new_recipient"
            yield Change(f"Ⅲ 3. 記録の書き出し {name}", was, now, kind)


def _place(export: Export | None, folder: str | None) -> str:
    if export is None:
        return _NONE
    if export.syslog is not None:
        return f"{export.form}: {export.syslog.host}:{export.syslog.port}"
    return f"{export.form}: フォルダー {folder}"
