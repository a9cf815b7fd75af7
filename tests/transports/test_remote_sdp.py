from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesend_tui.core.errors import ChannelFailed
from filesend_tui.core.transports.webrtc.remote_sdp import (
    DEFAULT_MAX_MESSAGE,
    MAX_CANDIDATES,
    MAX_MDNS,
    MAX_SDP,
    RemoteDescription,
    vet,
)

# The shapes that Chromium, Firefox and libdatachannel give a description.
SDP = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=candidate:2077 1 udp 2113937151 192.0.2.4 57698 typ host generation 0 network-cost 999
a=candidate:2078 1 tcp 1518214911 192.0.2.4 9 typ host tcptype active generation 0
a=candidate:2079 2 udp 2113937150 192.0.2.4 57699 typ host
a=ice-ufrag:Xk1v
a=ice-pwd:y1ZQ5fFe8ZfCqFQ1pXh4bUqe
a=ice-options:trickle
a=fingerprint:sha-256 {fingerprint}
a=setup:actpass
a=mid:0
a=sctp-port:5001
a=max-message-size:262144
""".format(fingerprint=":".join(["AB"] * 32))

FIREFOX = """v=0
o=mozilla...THIS_IS_SDPARTA-99.0 1 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 {fingerprint}
a=group:BUNDLE data
a=ice-options:trickle
m=application 50000 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 192.0.2.4
a=candidate:0 1 UDP 2122252543 192.0.2.4 50000 typ host
a=sendrecv
a=end-of-candidates
a=ice-pwd:0123456789abcdef0123456789abcdef
a=ice-ufrag:0a1b2c3d
a=mid:data
a=setup:active
a=sctp-port:5000
""".format(fingerprint=":".join(["ab"] * 32))


def offer(sdp: str) -> RemoteDescription:
    return vet(sdp.replace("\n", "\r\n"), "offer")


def test_a_chromium_offer_is_read() -> None:
    found = offer(SDP)
    assert (found.ufrag, found.password) == ("Xk1v", "y1ZQ5fFe8ZfCqFQ1pXh4bUqe")
    assert (found.mid, found.setup, found.sctp_port) == ("0", "actpass", 5001)
    assert [(c.host, c.port) for c in found.candidates] == [("192.0.2.4", 57698)]
    assert found.max_message == DEFAULT_MAX_MESSAGE  # ours is the smaller limit
    assert not found.complete


def test_a_firefox_answer_is_read() -> None:
    found = vet(FIREFOX, "answer")
    assert (found.mid, found.setup, found.complete) == ("data", "active", True)
    assert found.max_message == DEFAULT_MAX_MESSAGE  # RFC 8841: what an absent value means
    assert len(found.fingerprints) == 1


@pytest.mark.parametrize("sdp", [SDP, FIREFOX])
def test_the_canonical_text_says_the_same_and_aiortc_reads_it(sdp: str) -> None:
    from aiortc.sdp import SessionDescription

    found = offer(sdp)
    assert offer(found.sdp) == found
    (media,) = SessionDescription.parse(found.sdp).media
    assert (media.kind, media.sctp_port, media.rtp.muxId) == (
        "application",
        found.sctp_port,
        found.mid,
    )
    assert len(media.ice_candidates) == len(found.candidates)


def test_nothing_that_was_not_asked_for_reaches_the_canonical_text() -> None:
    text = offer(SDP.replace("a=mid:0", "a=mid:0\na=x-odd:thing\na=rtcp-mux\nb=AS:5")).sdp
    assert "odd" not in text
    assert "rtcp" not in text
    assert "b=" not in text
    assert "trickle" not in text


@pytest.mark.parametrize(
    ("value", "used"), [("0", 65536), ("1024", 1024), ("16384", 16384), ("99999999999", 65536)]
)
def test_the_message_size_is_the_smaller_of_theirs_and_ours(value: str, used: int) -> None:
    assert offer(SDP.replace("262144", value)).max_message == used


def test_names_are_kept_aside_and_few() -> None:
    names = "".join(f"a=candidate:{n} 1 udp 1 aaaa-{n}.local 999 typ host\n" for n in range(9))
    found = offer(SDP + names + "a=end-of-candidates\n")
    assert sum(c.is_mdns for c in found.candidates) == MAX_MDNS
    assert ".local" not in found.sdp
    assert "end-of-candidates" not in found.sdp  # they may still be resolved


def test_the_number_of_candidates_is_bounded() -> None:
    many = "".join(f"a=candidate:{n} 1 udp 1 192.0.2.4 {n + 1} typ host\n" for n in range(300))
    assert len(offer(SDP + many).candidates) == MAX_CANDIDATES


@pytest.mark.parametrize(
    "candidate",
    [
        "1 1 udp 1 224.0.0.1 9 typ host",
        "1 1 udp 1 255.255.255.255 9 typ host",
        "1 1 udp 1 0.0.0.0 9 typ host",
        "1 1 udp 1 ff02::1 9 typ host",
        "1 1 udp 1 example.com 9 typ host",
        "1 1 udp 1 192.0.2.1 0 typ host",
        "1 1 udp 1 192.0.2.1 70000 typ host",
        "1 1 udp 99999999999 192.0.2.1 9 typ host",
        "1 1 udp 1 192.0.2.1 9 typ prflx",
        "1 1 udp 1 name.local 9 typ relay",
        "1 1 udp 1 192.0.2.1 9",
        "",
    ],
)
def test_a_useless_or_harmful_candidate_is_left_out(candidate: str) -> None:
    assert len(offer(f"{SDP}a=candidate:{candidate}\n").candidates) == 1


@pytest.mark.parametrize(
    "sdp",
    [
        "",
        "v=0",
        "x" * (MAX_SDP + 1),
        SDP.replace("m=application 9", "m=audio 9"),
        SDP + "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:1\n",
        SDP + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n",
        SDP.replace("UDP/DTLS/SCTP", "UDP/SCTP"),
        SDP.replace("a=ice-ufrag:Xk1v", ""),
        SDP.replace("Xk1v", "X k"),
        SDP.replace("a=ice-pwd:y1ZQ5fFe8ZfCqFQ1pXh4bUqe", "a=ice-pwd:short"),
        SDP.replace("a=fingerprint:", "a=finger:"),
        SDP.replace("sha-256 AB", "sha-256 XY"),
        SDP.replace("a=setup:actpass", ""),
        SDP.replace("a=setup:actpass", "a=setup:holdconn"),
        SDP.replace("a=mid:0", ""),
        SDP.replace("5001", "0"),
        SDP.replace("5001", "99999"),
        SDP.replace("262144", "1"),
    ],
)
def test_a_hostile_or_broken_offer_is_refused(sdp: str) -> None:
    with pytest.raises(ChannelFailed):
        offer(sdp)


def test_an_offer_is_no_answer() -> None:
    """It says actpass: nobody would start DTLS."""
    with pytest.raises(ChannelFailed, match="DTLS role"):
        vet(SDP, "answer")


@given(st.text(max_size=2000), st.integers(0, len(SDP)), st.integers(0, 200))
def test_whatever_comes_is_read_or_refused_and_what_is_read_is_safe(
    noise: str, at: int, cut: int
) -> None:
    try:
        found = offer(SDP[:at] + noise + SDP[at + cut :])
    except ChannelFailed:
        return
    assert len(found.candidates) <= MAX_CANDIDATES
    assert found.sdp.count("m=") == 1
    assert found.sdp.isascii()
    assert offer(found.sdp).sdp == found.sdp
