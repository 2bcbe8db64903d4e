"""What the parts of this connector share: one city's platform and server, the network's keys, the line's outbox."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.plugin import Context, Log, Outbox
from gateway_intermediate_server.addressees import Addressees, Replicas
from gateway_intermediate_server.client import Client
from gateway_intermediate_server.matching_list import MatchingList
from gateway_intermediate_server.permits import Network
from gateway_intermediate_server.sealing import InquiryKey
from gateway_intermediate_server.settings import Settings
from gateway_intermediate_server.unregistered import Unregistered


@dataclass(frozen=True, slots=True)
class Site:
    """`tenant` is the city's own code, as bodies name each other by it."""

    tenant: str
    settings: Settings
    client: Client
    network: Network
    key: InquiryKey
    matching: MatchingList
    addressees: Addressees
    replicas: Replicas
    outbox: Outbox
    log: Log
    now: Callable[[], datetime]

    @classmethod
    def of(cls, context: Context, settings: Settings) -> "Site":
        """Raises Misconfigured if a key is none."""
        client = Client(context.session, settings)
        network = Network(settings.issuer, context.secret(settings.network_jwks), context.tenant)
        steady = asyncio.get_running_loop().time
        unregistered = Unregistered(steady)
        return cls(
            tenant=context.tenant,
            settings=settings,
            client=client,
            network=network,
            key=InquiryKey(context.secret(settings.inquiry_key)),
            matching=MatchingList(network, client.matching_list, context.now, steady, settings.list_seconds),
            addressees=Addressees(client, unregistered, context.log),
            replicas=Replicas(client, unregistered, frozenset(settings.datasets)),
            outbox=context.outbox,
            log=context.log,
            now=context.now,
        )
