from __future__ import annotations

import asyncio
import contextlib
import re
import time
from typing import Any

import pytest

from filesend_tui.core.config import ClientConfig, IceServer
from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.base import no_relay
from filesend_tui.core.transports.webrtc.transport import WebRtcTransport
from tests.transports.pairs import read_exactly, sockets_left, soon, udp_sockets
from tests.waiting import other_tasks_ended, until


def label(attempt: Any) -> str:
    label = attempt._data_channel.label
    return label() if callable(label) else label


async def test_an_offer_is_whole_and_names_one_random_reliable_channel(
    config: ClientConfig,
) -> None:
    one, two = [await WebRtcTransport(config).offer(no_relay) for _ in range(2)]
    assert "a=end-of-candidates" in one.text
    labels = [label(attempt) for attempt in (one, two)]
    assert all(re.fullmatch(r"[0-9a-f]{40}", label) for label in labels)
    assert labels[0] != labels[1]
    await asyncio.gather(one.close(), two.close())


async def test_a_given_up_offer_leaves_nothing(config: ClientConfig) -> None:
    await WebRtcTransport(config).warm()
    before = udp_sockets()
    attempt = await WebRtcTransport(config).offer(no_relay)
    assert udp_sockets() > before
    await soon(attempt.close())
    await soon(attempt.close())
    with pytest.raises(ChannelFailed):
        await attempt.opened()
    await other_tasks_ended()
    await sockets_left(before)


async def test_a_given_up_answer_leaves_nothing(config: ClientConfig) -> None:
    await WebRtcTransport(config).warm()
    before = udp_sockets()
    offerer = await WebRtcTransport(config).offer(no_relay)
    answerer = await WebRtcTransport(config).answer(offerer.text, no_relay)
    await soon(asyncio.gather(offerer.close(), answerer.close()))
    await other_tasks_ended()
    await sockets_left(before)


async def test_a_peer_that_never_answers_is_given_up_in_time(config: ClientConfig) -> None:
    await WebRtcTransport(config).warm()
    before = udp_sockets()
    attempt = await WebRtcTransport(config).offer(no_relay)
    with pytest.raises(ChannelFailed, match="in time"):
        await attempt.opened(timeout=0.05)
    await other_tasks_ended()
    await sockets_left(before)


async def test_being_cancelled_while_it_opens_frees_everything(config: ClientConfig) -> None:
    await WebRtcTransport(config).warm()
    before = udp_sockets()
    offerer = await WebRtcTransport(config).offer(no_relay)
    opening = asyncio.create_task(offerer.opened())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await other_tasks_ended()
    await sockets_left(before)


async def test_an_open_channel_that_nobody_took_is_closed_with_its_attempt(
    config: ClientConfig,
) -> None:
    before = udp_sockets()
    offerer = await WebRtcTransport(config).offer(no_relay)
    answerer = await WebRtcTransport(config).answer(offerer.text, no_relay)
    await offerer.accept(answerer.text)
    ours = await soon(offerer.opened())
    await soon(answerer.close())
    assert await soon(ours.receive()) == b""
    await soon(ours.close())
    await other_tasks_ended()
    await sockets_left(before)


async def test_closing_an_attempt_whose_channel_was_handed_out_leaves_it_open(
    config: ClientConfig,
) -> None:
    offerer = await WebRtcTransport(config).offer(no_relay)
    answerer = await WebRtcTransport(config).answer(offerer.text, no_relay)
    await offerer.accept(answerer.text)
    ours, theirs = await soon(asyncio.gather(offerer.opened(), answerer.opened()))
    await soon(asyncio.gather(offerer.close(), answerer.close()))
    await ours.send(b"still here")
    assert await read_exactly(theirs, 10) == b"still here"
    await soon(asyncio.gather(ours.close(), theirs.close()))


async def test_another_peers_certificate_is_not_accepted(config: ClientConfig) -> None:
    offerer, other = [await WebRtcTransport(config).offer(no_relay) for _ in range(2)]
    fingerprint = re.compile(r"a=fingerprint:.*\r\n")
    swapped = fingerprint.sub("", offerer.text) + "".join(fingerprint.findall(other.text))
    answerer = await WebRtcTransport(config).answer(swapped, no_relay)
    # The answerer's refusal may be here before the answer was taken in.
    with contextlib.suppress(ChannelFailed):
        await offerer.accept(answerer.text)
    with pytest.raises(ChannelFailed):
        await soon(answerer.opened())
    await asyncio.gather(offerer.close(), other.close(), answerer.close())


async def test_an_unreliable_channel_is_refused(config: ClientConfig) -> None:
    import aiortc

    hostile = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    hostile.createDataChannel("lossy", ordered=False)
    await hostile.setLocalDescription()
    local = hostile.localDescription
    answerer = await WebRtcTransport(config).answer(local.sdp, no_relay)
    await hostile.setRemoteDescription(
        aiortc.RTCSessionDescription(type="answer", sdp=answerer.text)
    )
    with pytest.raises(ChannelFailed, match="no byte stream"):
        await soon(answerer.opened())
    await answerer.close()
    await hostile.close()


async def test_what_the_first_instant_brings_is_not_lost(config: ClientConfig) -> None:
    offerer = await WebRtcTransport(config).offer(no_relay)
    answerer = await WebRtcTransport(config).answer(offerer.text, no_relay)
    await offerer.accept(answerer.text)
    ours = await soon(offerer.opened())
    await ours.send(b"first")
    # It arrives before anybody asked the answerer for its channel.
    await until(lambda: answerer._channel is not None and answerer._channel._unread)
    theirs = await answerer.opened()
    assert await read_exactly(theirs, 5) == b"first"
    await soon(asyncio.gather(ours.close(), theirs.close()))


async def test_names_on_the_local_network_do_not_delay_the_answer(config: ClientConfig) -> None:
    offerer = await WebRtcTransport(config).offer(no_relay)
    line = "a=candidate:1 1 udp 1 3a0d2f63-1111-4222-8333-444455556666.local 9999 typ host\r\n"
    sdp = offerer.text + line
    started = asyncio.get_running_loop().time()
    answerer = await WebRtcTransport(config).answer(sdp, no_relay)
    assert asyncio.get_running_loop().time() - started < 0.9
    await offerer.accept(answerer.text)
    ours, theirs = await soon(asyncio.gather(offerer.opened(), answerer.opened()))
    await soon(asyncio.gather(ours.close(), theirs.close()))
    await other_tasks_ended()


async def test_an_answer_to_another_offer_is_refused_and_the_offer_freed(
    config: ClientConfig,
) -> None:
    before = udp_sockets()
    offerer = await WebRtcTransport(config).offer(no_relay)
    with pytest.raises(ChannelFailed, match="DTLS role"):
        await offerer.accept(offerer.text)
    await other_tasks_ended()
    await sockets_left(before)


async def test_servers_that_are_unusable_are_told_before_anything_is_opened() -> None:
    config = ClientConfig(ice_servers=(IceServer(urls="nonsense"),))
    with pytest.raises(ChannelFailed, match="nonsense"):
        await WebRtcTransport(config).offer(no_relay)


async def test_making_offers_does_not_hold_up_the_loop(config: ClientConfig) -> None:
    await WebRtcTransport(config).warm()
    worst = 0.0

    async def heartbeat() -> None:
        nonlocal worst
        while True:
            # This thread's own time: what other processes do to the machine is not measured.
            before = time.thread_time()
            await asyncio.sleep(0)
            worst = max(worst, time.thread_time() - before)

    beating = asyncio.create_task(heartbeat())
    offers = [await WebRtcTransport(config).offer(no_relay) for _ in range(4)]
    beating.cancel()
    await asyncio.gather(*(offer.close() for offer in offers))
    assert 0 < worst < 0.05
