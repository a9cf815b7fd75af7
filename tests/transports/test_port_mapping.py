"""A router of this test's own on loopback: nothing is searched for on a network."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from async_upnp_client.const import HttpRequest

from filesend_tui.core.transports.direct import port_mapping
from filesend_tui.core.transports.direct import road as direct_road
from filesend_tui.core.transports.direct.offer import Endpoint
from filesend_tui.core.transports.direct.port_mapping import MOST_BYTES, PortMapping, is_router_like
from filesend_tui.core.transports.direct.road import DirectRoad
from tests.transports.direct_pairs import HERE
from tests.transports.pairs import soon
from tests.waiting import until

WAN = "urn:schemas-upnp-org:service:WANIPConnection:1"
DEVICE = f"""<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0">
 <specVersion><major>1</major><minor>0</minor></specVersion>
 <device>
  <deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType>
  <friendlyName>router</friendlyName><manufacturer>m</manufacturer><modelName>n</modelName>
  <UDN>uuid:1</UDN>
  <serviceList><service>
   <serviceType>{WAN}</serviceType><serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId>
   <SCPDURL>/scpd.xml</SCPDURL><controlURL>CONTROL</controlURL><eventSubURL>/event</eventSubURL>
  </service></serviceList>
 </device>
</root>"""
KINDS = {
    "NewRemoteHost": "string",
    "NewExternalPort": "ui2",
    "NewProtocol": "string",
    "NewInternalPort": "ui2",
    "NewInternalClient": "string",
    "NewEnabled": "boolean",
    "NewPortMappingDescription": "string",
    "NewLeaseDuration": "ui4",
    "NewExternalIPAddress": "string",
}
ACTIONS = {
    "GetExternalIPAddress": ([], ["NewExternalIPAddress"]),
    "AddPortMapping": ([name for name in KINDS if name != "NewExternalIPAddress"], []),
    "DeletePortMapping": (["NewRemoteHost", "NewExternalPort", "NewProtocol"], []),
}


def scpd() -> str:
    def argument(name: str, way: str) -> str:
        return (
            f"<argument><name>{name}</name><direction>{way}</direction>"
            f"<relatedStateVariable>{name}</relatedStateVariable></argument>"
        )

    actions = "".join(
        f"<action><name>{name}</name><argumentList>"
        + "".join([argument(n, "in") for n in given] + [argument(n, "out") for n in returned])
        + "</argumentList></action>"
        for name, (given, returned) in ACTIONS.items()
    )
    variables = "".join(
        f'<stateVariable sendEvents="no"><name>{name}</name><dataType>{kind}</dataType>'
        "</stateVariable>"
        for name, kind in KINDS.items()
    )
    return (
        '<?xml version="1.0"?><scpd xmlns="urn:schemas-upnp-org:service-1-0">'
        "<specVersion><major>1</major><minor>0</minor></specVersion>"
        f"<actionList>{actions}</actionList>"
        f"<serviceStateTable>{variables}</serviceStateTable></scpd>"
    )


class Router:
    """Maps ports, with the moods of real ones."""

    def __init__(self) -> None:
        self.outside = "9.9.9.9"
        self.taken: set[int] = set()
        self.permanent_only = False
        self.control = "/control"
        self.device: str | None = None
        self.mapped: dict[int, dict[str, str]] = {}
        self.deleted: list[int] = []
        self.location = ""
        #: How often it was asked what it is.
        self.asked = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/device.xml", self._device)
        app.router.add_get("/scpd.xml", self._scpd)
        app.router.add_post("/control", self._act)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.location = f"http://127.0.0.1:{port}/device.xml"
        try:
            yield
        finally:
            await runner.cleanup()

    async def search(self) -> list[str]:
        return [self.location]

    async def _device(self, _request: web.Request) -> web.Response:
        self.asked += 1
        return await _reply(self.device or DEVICE.replace("CONTROL", self.control))

    async def _scpd(self, _request: web.Request) -> web.Response:
        return await _reply(scpd())

    async def _act(self, request: web.Request) -> web.Response:
        name = request.headers["SOAPACTION"].strip('"').rpartition("#")[2]
        text = await request.text()
        given = dict(re.findall(r"<(New\w+)[^>]*>([^<]*)</", text))
        if name == "GetExternalIPAddress":
            return await _soap(name, f"<NewExternalIPAddress>{self.outside}</NewExternalIPAddress>")
        port = int(given["NewExternalPort"])
        if name == "AddPortMapping":
            if port in self.taken:
                return await _fault(718)
            if self.permanent_only and given["NewLeaseDuration"] != "0":
                return await _fault(725)
            self.mapped[port] = given
        else:
            self.deleted.append(port)
        return await _soap(name, "")


async def _reply(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/xml")


async def _soap(name: str, inside: str) -> web.Response:
    return await _reply(
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
        ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{name}Response xmlns:u="{WAN}">{inside}</u:{name}Response></s:Body></s:Envelope>'
    )


async def _fault(code: int) -> web.Response:
    return await _reply(
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
        "<s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>"
        '<detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0">'
        f"<errorCode>{code}</errorCode><errorDescription>no</errorDescription>"
        "</UPnPError></detail></s:Fault></s:Body></s:Envelope>",
        500,
    )


@pytest.fixture(autouse=True)
def behind_a_router(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_mapping, "own_addresses", lambda: ["192.168.7.7"])


async def settled(mapping: PortMapping) -> Endpoint | None:
    """Return what came of it, once it is over."""
    await soon(mapping._map())
    return mapping.endpoint


async def test_a_router_maps_the_port_and_takes_it_back() -> None:
    router = Router()
    async with router.running():
        mapping = PortMapping(4321, search=router.search)
        mapping.start()
        await until(lambda: mapping.endpoint is not None, 15)
        assert mapping.endpoint == Endpoint("9.9.9.9", 4321)
        given = router.mapped[4321]
        assert given["NewInternalPort"] == "4321"
        assert given["NewProtocol"] == "TCP"
        assert given["NewInternalClient"] == "127.0.0.1"  # by which this router is reached
        assert int(given["NewLeaseDuration"]) > 0
        await soon(mapping.close())
        assert router.deleted == [4321]
        assert mapping.endpoint is None


async def test_another_port_where_somebody_has_it_and_no_lease_where_there_are_none() -> None:
    router = Router()
    router.taken = {4321}
    router.permanent_only = True
    async with router.running():
        mapping = PortMapping(4321, search=router.search)
        endpoint = await settled(mapping)
        assert endpoint is not None
        assert endpoint.port != 4321
        assert router.mapped[endpoint.port]["NewLeaseDuration"] == "0"
        assert router.mapped[endpoint.port]["NewInternalPort"] == "4321"
        await soon(mapping.close())


async def test_it_is_asked_for_again_before_its_time_is_over() -> None:
    router = Router()
    async with router.running():
        mapping = PortMapping(4321, search=router.search)
        await settled(mapping)
        router.mapped.clear()
        await settled(mapping)
        assert list(router.mapped) == [4321]


@pytest.mark.parametrize("outside", ["10.0.0.1", "100.64.0.9", "0.0.0.0", "", "nonsense"])
async def test_a_router_behind_another_is_of_no_use(outside: str) -> None:
    router = Router()
    router.outside = outside
    async with router.running():
        mapping = PortMapping(4321, search=router.search)
        assert await settled(mapping) is None
        assert not router.mapped


async def test_a_machine_that_everybody_can_reach_asks_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def search() -> list[str]:
        raise AssertionError("searched")

    for own in (["9.9.9.9"], ["127.0.0.1"], ["fd00::1"], []):
        monkeypatch.setattr(port_mapping, "own_addresses", lambda own=own: own)
        assert await settled(PortMapping(1, search=search)) is None


BAD_XML = "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"


@pytest.mark.parametrize("device", ["", "no XML", "<root/>", "x" * (MOST_BYTES + 1), BAD_XML])
async def test_a_router_that_talks_nonsense_costs_the_mapping_alone(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_mapping, "RENEWAL", 0.01)
    router = Router()
    router.device = device or " "
    async with router.running():
        mapping = PortMapping(4321, search=router.search)
        mapping.start()
        await until(lambda: router.asked >= 2)  # the first answer did not end it
        assert mapping.endpoint is None
        await soon(mapping.close())


async def test_a_router_sends_us_nowhere_else() -> None:
    elsewhere = Router()
    router = Router()
    async with elsewhere.running(), router.running():
        router.control = elsewhere.location.replace("127.0.0.1", "localhost").replace(
            "/device.xml", "/control"
        )
        mapping = PortMapping(4321, search=router.search)
        assert await settled(mapping) is None
        assert not elsewhere.mapped
        with pytest.raises(OSError):
            await port_mapping._requester(router.location).async_http_request(
                HttpRequest("GET", elsewhere.location.replace("127.0.0.1", "localhost"), {}, None)
            )


def test_only_what_looks_like_a_router_is_asked() -> None:
    assert is_router_like("http://192.168.1.1:5000/x.xml")
    assert is_router_like("http://192.168.1.1/x.xml")
    for location in (
        "https://192.168.1.1/x",
        "http://example.com/x",
        "http://9.9.9.9/x",
        "http://192.168.1.1:99999/x",
        "file:///etc/passwd",
        "",
    ):
        assert not is_router_like(location)


async def test_a_mapped_port_is_told_to_the_partner(monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router()

    def mapped(port: int) -> PortMapping:
        return PortMapping(port, search=router.search)

    monkeypatch.setattr(direct_road, "PortMapping", mapped)
    async with router.running():
        road = DirectRoad(addresses=HERE, mapping=True)
        await soon(road.start())
        assert len(road.offer().endpoints) == 1, "nobody waits for a router"
        await until(lambda: len(road.offer().endpoints) != 1, 15)
        own, outside = road.offer().endpoints
        assert outside == Endpoint("9.9.9.9", own.port)
        await soon(road.close())
        assert router.deleted == [own.port]
