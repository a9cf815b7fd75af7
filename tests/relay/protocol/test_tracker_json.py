from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from relay.protocol.tracker_json import (
    MAX_FRAME,
    MAX_KEY,
    MAX_OFFERS,
    MAX_REASON,
    MAX_SCRAPE,
    MAX_SDP,
    Announce,
    AnnounceReply,
    Answer,
    AnswerFrame,
    Event,
    Failure,
    FrameError,
    Offer,
    OfferFrame,
    Scrape,
    ScrapeReply,
    SwarmFigures,
    encode,
    parse_client_frame,
    parse_server_frame,
)

HASH = bytes(range(236, 256))
HASH_TEXT = "ìíîïðñòóôõö÷øùúûüýþÿ"
PEER = b"-WW0208-123456789012"

ids = st.binary(min_size=20, max_size=20)
sdp = st.text(st.characters(codec="utf-8"), max_size=40)
offers_ = sdp.map(lambda text: {"type": "offer", "sdp": text})
answers = sdp.map(lambda text: {"type": "answer", "sdp": text})
counts = st.integers(0, 2**62)
hashes = st.lists(ids, min_size=1, max_size=MAX_SCRAPE, unique=True)

client_frames = st.one_of(
    st.builds(
        Announce,
        info_hash=ids,
        peer_id=ids,
        uploaded=counts,
        downloaded=counts,
        left=st.none() | counts,
        event=st.sampled_from([Event.STARTED, Event.PAUSED, Event.UPDATE]),
        numwant=st.integers(0, MAX_OFFERS),
        key=st.text(st.characters(codec="utf-8"), max_size=MAX_KEY),
        offers=st.lists(st.builds(Offer, ids, offers_), max_size=MAX_OFFERS).map(tuple),
    ),
    st.builds(
        Announce,
        info_hash=ids,
        peer_id=ids,
        left=counts,
        event=st.sampled_from([Event.COMPLETED, Event.STOPPED]),
    ),
    st.builds(Answer, info_hash=ids, peer_id=ids, to_peer_id=ids, offer_id=ids, answer=answers),
    hashes.map(lambda several: Scrape(tuple(several))),
)
server_frames = st.one_of(
    st.builds(
        AnnounceReply,
        info_hash=ids,
        interval=st.floats(0, 2**31),
        complete=counts,
        incomplete=counts,
    ),
    st.builds(OfferFrame, info_hash=ids, peer_id=ids, offer_id=ids, offer=offers_),
    st.builds(AnswerFrame, info_hash=ids, peer_id=ids, offer_id=ids, answer=answers),
    st.dictionaries(
        ids, st.builds(SwarmFigures, complete=counts, incomplete=counts, downloaded=counts)
    ).map(ScrapeReply),
    st.builds(
        Failure,
        reason=st.text(st.characters(codec="utf-8"), max_size=MAX_REASON),
        action=st.sampled_from([None, "announce", "scrape"]),
        info_hash=st.none() | ids,
    ),
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
keys = [
    *("info_hash", "peer_id", "to_peer_id", "offer_id", "offer", "answer", "offers", "event"),
    *("left", "uploaded", "numwant", "interval", "complete", "incomplete", "files"),
    "failure reason",
]
field_values = json_values | ids.map(lambda raw: raw.decode("latin-1")) | answers | offers_
almost_frames = st.builds(
    lambda action, rest: json.dumps({"action": action, **rest}),
    st.sampled_from(["announce", "scrape", "x", None]),
    st.dictionaries(st.sampled_from(keys), field_values),
)


def announce(**changes: Any) -> dict[str, Any]:
    frame: dict[str, Any] = {
        "action": "announce",
        "info_hash": HASH_TEXT,
        "peer_id": PEER.decode(),
        "numwant": 5,
        "uploaded": 0,
        "downloaded": 0,
        "left": None,
        "event": "started",
        "offers": [],
    }
    return frame | changes


def one_offer(**changes: Any) -> dict[str, Any]:
    return {"offer_id": HASH_TEXT, "offer": {"type": "offer", "sdp": "v=0\r\n"} | changes}


@given(client_frames)
def test_what_a_client_sends_is_read_as_it_was_meant(frame):
    assert parse_client_frame(encode(frame)) == frame


@given(server_frames)
def test_what_a_tracker_sends_is_read_as_it_was_meant(frame):
    assert parse_server_frame(encode(frame)) == frame


@given(almost_frames | st.text() | st.binary() | json_values.map(json.dumps))
def test_no_frame_breaks_a_reader(text):
    for parse in (parse_client_frame, parse_server_frame):
        try:
            parse(text)
        except FrameError as error:
            assert len(error.reason) <= MAX_REASON


def test_an_announce_as_a_browser_sends_it():
    text = json.dumps(announce(offers=[one_offer()], trackerid="ignored"))
    assert parse_client_frame(text) == Announce(
        info_hash=HASH,
        peer_id=PEER,
        left=None,
        event=Event.STARTED,
        numwant=5,
        offers=(Offer(HASH, {"type": "offer", "sdp": "v=0\r\n"}),),
    )


@pytest.mark.parametrize("event", [None, "", "update"])
def test_an_update_has_many_spellings(event: str | None):
    frame = parse_client_frame(json.dumps(announce(event=event)))
    assert isinstance(frame, Announce)
    assert frame.event is Event.UPDATE


@pytest.mark.parametrize(("numwant", "taken"), [(-4, 0), (3, 3), (10**9, MAX_OFFERS), (None, None)])
def test_numwant_is_brought_into_bounds(numwant: int | None, taken: int | None):
    frame = parse_client_frame(json.dumps(announce(numwant=numwant)))
    assert isinstance(frame, Announce)
    assert frame.numwant == taken


@pytest.mark.parametrize(
    ("key", "taken"), [("k" * 64, "k" * 64), ("k" * 65, ""), (7, ""), (None, "")]
)
def test_a_key_of_another_kind_is_none(key: object, taken: str):
    frame = parse_client_frame(json.dumps(announce(key=key)))
    assert isinstance(frame, Announce)
    assert frame.key == taken
    assert "kkk" not in repr(frame) + pretty_repr(frame)


@pytest.mark.parametrize("event", [Event.COMPLETED, Event.STOPPED])
def test_the_last_announces_carry_no_offers(event: Event):
    frame = Announce(
        info_hash=HASH, peer_id=PEER, event=event, offers=(Offer(HASH, {"type": "offer"}),)
    )
    assert "offers" not in json.loads(encode(frame))


def test_ids_are_code_points_on_the_wire():
    text = encode(AnnounceReply(info_hash=HASH, interval=120, complete=1))
    assert json.loads(text) == {
        "action": "announce",
        "info_hash": HASH_TEXT,
        "interval": 120,
        "complete": 1,
        "incomplete": 0,
    }


def test_a_scrape_of_one_is_a_string():
    assert json.loads(encode(Scrape((HASH,)))) == {"action": "scrape", "info_hash": HASH_TEXT}


@pytest.mark.parametrize(
    "frame",
    [
        announce(info_hash="short"),
        announce(peer_id="Ā" * 20),
        announce(left=-1),
        announce(left="many"),
        announce(event="exploded"),
        announce(offers=[one_offer()] * (MAX_OFFERS + 1)),
        announce(offers=[one_offer(sdp="x" * (MAX_SDP + 1))]),
        announce(offers=[one_offer(type="answer")]),
        announce(answer={"type": "answer", "sdp": ""}),  # an answer to nobody
    ],
)
def test_a_bad_announce_is_refused_by_name(frame: dict[str, Any]):
    with pytest.raises(FrameError) as caught:
        parse_client_frame(json.dumps(frame))
    assert caught.value.action == "announce"
    assert caught.value.info_hash == (HASH if frame["info_hash"] == HASH_TEXT else None)


@pytest.mark.parametrize("asked", [None, [], "short", [HASH_TEXT] * (MAX_SCRAPE + 1)])
def test_a_scrape_names_its_swarms(asked: object):
    with pytest.raises(FrameError) as caught:
        parse_client_frame(json.dumps({"action": "scrape", "info_hash": asked}))
    assert caught.value.action == "scrape"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"action":"dance"}',
        '{"action":["announce"]}',
        b"\xff\xfe",
        '{"action":"announce","x":' + "[" * 50_000,
        '{"action":"announce","x":' + "[" * 50_000 + "]" * 50_000 + "}",
        " " * (MAX_FRAME + 1),
    ],
)
def test_what_is_no_frame_is_refused(text: str | bytes):
    with pytest.raises(FrameError):
        parse_client_frame(text)


def test_a_public_trackers_failure_is_read():
    text = '{"failure reason":"' + "no" * 1000 + '","action":"announce"}'
    failure = parse_server_frame(text)
    assert isinstance(failure, Failure)
    assert (failure.action, failure.info_hash) == ("announce", None)
    assert len(failure.reason) == MAX_REASON


def test_a_public_trackers_reply_may_lack_or_add_fields():
    text = json.dumps(
        {"action": "announce", "info_hash": HASH_TEXT, "interval": 60.5, "tracker id": "x"}
    )
    assert parse_server_frame(text) == AnnounceReply(info_hash=HASH, interval=60.5)
