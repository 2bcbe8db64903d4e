"""原本照合 (F22, C195): once in each window of time, all replicas go to the city, to be held against the originals.

The rule: windows are counted by the clock and not from the start, and a page's key is its window and its place: a
restart within a window sends the same messages again, and no others, whatever has changed since.
"""

from gateway.plugin import JsonValue, Refused
from gateway.plugin.exchange import Later
from gateway_intermediate_server import answers
from gateway_intermediate_server.answers import PersonsReplicas
from gateway_intermediate_server.client import LARGE
from gateway_intermediate_server.interface.city import EXPORT
from gateway_intermediate_server.site import Site
from gateway_intermediate_server.under_way import until_reloaded


class Reconciling:
    """One page of people at a time, so that what else is polled does not wait for the whole city."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._window = -1
        self._after: str | None = None
        self._finished = False
        self._refused = 0

    async def poll(self) -> None:
        """Send the next page of this window, if there is one. Raises Later, Deferred."""
        site, seconds = self._site, self._site.settings.reconcile_seconds
        if not seconds:
            return
        window = int(site.now().timestamp()) // seconds
        if window != self._window:
            self._window, self._after, self._finished = window, None, False
        if self._finished:
            return
        asked = {"after": self._after, "limit": site.settings.people_per_export}
        path = "/platform/v1/replicas/export"
        page = await site.client.ask(path, asked, answers.Page, site.client.soon(), most=LARGE)
        if page.people:
            key = f"{window}\n{self._after or ''}".encode()
            people = [_person(each) for each in page.people]
            try:
                await site.outbox.send(EXPORT, people, key=key, same=key)
            except Refused as refused:
                if until_reloaded(refused):
                    raise Later(refused.code) from None
                # it is a fact already, and would be again
                site.log.warning("export.refused", operation=EXPORT, code=refused.code)
                self._refused += 1
        self._after, self._finished = page.next, page.next is None

    def troubles(self) -> list[str]:
        """For the operator: what people must look at, since the start."""
        return [f"pages of the export that the line refused: {self._refused}"] if self._refused else []


def _person(each: PersonsReplicas) -> dict[str, JsonValue]:
    replicas: list[JsonValue] = [replica.model_dump(exclude_none=True) for replica in each.replicas]
    return {"internal_no": each.internal_no, **({"replicas": replicas} if replicas else {})}
