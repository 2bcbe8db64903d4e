"""The change table between two configurations of one tenant, and whether each important change has its assessment."""

from collections.abc import Iterable, Iterator
from datetime import date

from gateway.assessment.change import Change, Kind, Row
from gateway.assessment.keys_changed import keys_changed
from gateway.assessment.locks_changed import locks_changed
from gateway.assessment.machine_changed import machine_changed, settings_changed
from gateway.assessment.means import means
from gateway.assessment.routes_changed import routes_changed
from gateway.assessment.safeguards import judged
from gateway.assessment.subject import CLASSES, Subject
from gateway.plugin.item import DataClass


def difference(old: Subject, new: Subject) -> list[Row]:
    """Every change, in the order of the form, with the assessment that covers it."""
    changes = [*_systems(old, new), *machine_changed(old, new), *_clearances(old, new), *routes_changed(old, new)]
    changes += [*locks_changed(old, new), *keys_changed(old, new), *_safeguards(old, new)]
    return [Row(change, *_cover(old, new, change)) for change in changes]


def _cover(old: Subject, new: Subject, change: Change) -> tuple[str, date] | tuple[None, None]:
    """The assessment under which it takes effect, if it begins later than what was depended on before.

    Of a route that was there, that is the route's own; of a new one, and of what is about no single route, the newest
    that any route depended on. All routes that it is about must be covered; of the whole tenant, one is enough. An
    entry of before whose day was moved is no new assessment.
    """

    def later_than(day: date, name: str) -> bool:
        entry, before = new.config.legal_basis[name], old.config.legal_basis.get(name)
        return entry.valid_from > day and (before is None or before.valid_from == entry.valid_from)

    newest = max((old.assessment(each).valid_from for each in old.routes), default=date.min)
    was = {each.id: old.assessment(each).valid_from for each in old.routes}
    about = [each for each in new.routes if each.id in change.routes]
    if not about:  # it is about the tenant, or about routes that are gone
        later = [each.assessment for each in new.routes if later_than(newest, each.assessment)]
    else:
        later = [each.assessment for each in about if later_than(was.get(each.id, newest), each.assessment)]
        if len(later) < len(about):
            return None, None
    if not later:
        return None, None
    first = min(later, key=lambda name: new.config.legal_basis[name].valid_from)
    return first, new.config.legal_basis[first].valid_from


def _systems(old: Subject, new: Subject) -> Iterator[Change]:
    """Systems that came, went or moved, and by which means they are connected."""
    item = "Ⅰ 2. 使用するシステム"
    for name in new.connectors:
        if name in old.connectors:
            yield from _connection(old, new, name)
        else:
            yield Change(item, "なし", f"{new.system(name)}({new.zone(name).label})", "new_system", new.routes_of(name))
    for name in old.connectors:
        if name not in new.connectors:
            yield Change(item, f"{old.system(name)}({old.zone(name).label})", "なし", "narrower")


def _connection(old: Subject, new: Subject, name: str) -> Iterator[Change]:
    before, after, routes = old.zone(name), new.zone(name), new.routes_of(name)
    if old.connectors[name].zone != new.connectors[name].zone:
        kind: Kind = "weaker" if after.internet and not before.internet else "new_means"
        yield Change(f"Ⅰ 2. {new.system(name)}の領域", before.label, after.label, kind, routes)
    if old.system(name) != new.system(name):
        yield Change("Ⅰ 2. ①システムの名称", old.system(name), new.system(name), "formal", routes)
    was, now = means(old, name), means(new, name)
    if was != now:
        kind = "new_means" if {*now} - {*was} else "narrower"
        told = ["、".join(each) or "不明" for each in (was, now)]
        yield Change(f"Ⅱ 3. ②入手方法 {new.system(name)}", told[0], told[1], kind, routes)
    yield from settings_changed(old, new, name, routes)


def _clearances(old: Subject, new: Subject) -> Iterator[Change]:
    """What may be carried at all, whatever the routes say: of each connector that was there."""
    for name in new.connectors:
        if name not in old.connectors:
            continue
        before, after = _cleared(old, name), _cleared(new, name)
        if before != after:
            kind: Kind = "weaker" if after - before else "lighter"
            item = f"Ⅲ 取扱可能な情報区分 ※ {new.system(name)}"
            yield Change(item, _classes(before), _classes(after), kind, new.routes_of(name))


def _cleared(subject: Subject, connector: str) -> frozenset[DataClass]:
    entry, contract = subject.connectors[connector], subject.config.contracts[connector]
    cleared = subject.zone(connector).clearance - {*contract.never}
    return cleared if entry.clearance is None else cleared & entry.clearance


def _safeguards(old: Subject, new: Subject) -> Iterator[Change]:
    """Safeguards of Ⅲ that are in force no more, or anew, or say something else. What came to concern the tenant, or
    does so no more, and what names other routes or figures, follows from a change that is told and judged by itself.
    """
    before, after = ({each.name: each for each in judged(subject)} for subject in (old, new))
    for name in dict.fromkeys((*before, *after)):
        was, now = before.get(name), after.get(name)
        held, holds = was is not None and was.in_force, now is not None and now.in_force
        texts = was.says if was is not None else "該当なし", now.says if now is not None else "該当なし"
        item = f"Ⅲ リスク対策 ※ {name}"
        if held and not holds:
            yield Change(item, *texts, "weaker" if now is not None else "follows")
        elif holds and not held:
            yield Change(item, *texts, "lighter" if was is not None else "follows")
        elif texts[0] != texts[1]:
            yield Change(item, *texts, "follows")


def _classes(classes: Iterable[DataClass]) -> str:
    return "、".join(CLASSES[each] for each in CLASSES if each in classes) or "なし"
