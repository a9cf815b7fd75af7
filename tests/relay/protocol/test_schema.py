"""The schema of words and frames for other languages: current, whole, and what is really said."""

from __future__ import annotations

import importlib.resources
import json
import re
from typing import Any

import pytest

from relay.protocol import words
from relay.protocol.tracker_json import (
    Announce,
    AnnounceReply,
    Answer,
    AnswerFrame,
    Event,
    Failure,
    Frame,
    Offer,
    OfferFrame,
    Scrape,
    ScrapeReply,
    SwarmFigures,
    encode,
)
from tools.schema import FOLDER, pages
from tools.vectors import TALK

SHIPPED = importlib.resources.files("relay.protocol").joinpath("schema")


def schema(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(SHIPPED.joinpath(name).read_text(encoding="utf-8"))
    return read


def word(event: str) -> dict[str, Any]:
    (found,) = [each for each in schema("words.json")["words"] if each["event"] == event]
    return found


@pytest.mark.parametrize("name", pages())
def test_it_is_current(name: str) -> None:
    told = (FOLDER / name).read_text(encoding="utf-8")
    assert told == pages()[name], "run python -m tools.schema"


def test_nothing_else_stands_beside_it() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(pages())


def test_every_word_is_in_it_with_its_direction_and_name() -> None:
    told = {(each["event"], each["direction"]) for each in schema("words.json")["words"]}
    assert told == {
        *((event, "call") for event in words.CALLS),
        *((event, "routed") for event in words.ROUTES),
        *((event, "notice") for event in words.NOTICES),
    }
    for event, route in words.ROUTES.items():
        assert word(event)["deliveredAs"] == route.delivered_as
        assert ("sealed" in word(event)) is (event in words.CONTENTS)
        assert ("description" in word(event)) is (event in words.PAIRING)
    assert word("fileReady")["deliveredAs"] == "addTorrent"
    assert word("fileReady")["sealed"] == {"$ref": "#/$defs/FileReady"}
    assert word("allocate")["acknowledged"] == {"$ref": "#/$defs/Allocated"}


@pytest.mark.parametrize("name", pages())
def test_whatever_it_refers_to_is_there_and_nothing_is_pythons_own(name: str) -> None:
    page = schema(name)
    text = json.dumps(page)
    referred = set(re.findall(r'"#/\$defs/(\w+)"', text))
    assert referred <= set(page["$defs"])
    assert "\\\\Z" not in text
    assert '"_' not in text


# --- what is said, held against it --------------------------------------------------------------


def fits(value: Any, part: dict[str, Any], page: dict[str, Any]) -> bool:
    """Whether a value is as a part of the schema says: as much of JSON Schema as stands in it."""
    if ref := part.get("$ref"):
        return fits(value, page["$defs"][ref.rpartition("/")[2]], page)
    if options := part.get("anyOf"):
        return any(fits(value, option, page) for option in options)
    if "enum" in part:
        return value in part["enum"]
    match part.get("type"):
        case "object":
            members = part.get("properties", {})
            other = part.get("additionalProperties")
            return (
                isinstance(value, dict)
                and set(part.get("required", [])) <= set(value)
                and all(fits(value[key], members[key], page) for key in set(value) & set(members))
                and (other is None or all(fits(each, other, page) for each in value.values()))
            )
        case "array":
            return (
                isinstance(value, list)
                and part.get("minItems", 0) <= len(value) <= part.get("maxItems", len(value))
                and all(fits(each, part["items"], page) for each in value)
            )
        case "string":
            return (
                isinstance(value, str)
                and part.get("minLength", 0) <= len(value) <= part.get("maxLength", len(value))
                and re.search(part.get("pattern", ""), value) is not None
            )
        case "integer" | "number" as kind:
            return (
                isinstance(value, int if kind == "integer" else (int, float))
                and not isinstance(value, bool)
                and part.get("minimum", value) <= value <= part.get("maximum", value)
            )
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
    raise AssertionError(f"the schema says more than this understands: {part}")


def test_what_two_people_say_is_as_it_says() -> None:
    page = schema("words.json")
    for _, said in TALK:
        (event,) = [event for event, kind in words.CONTENTS.items() if kind is type(said)]
        wire = words.to_wire(said)
        assert fits(wire, word(event)["sealed"], page)
        for member in page["$defs"][type(said).__name__]["required"]:
            cut = {key: value for key, value in wire.items() if key != member}
            assert not fits(cut, word(event)["sealed"], page)
    room = "0123456789abcdef" * 2
    for event, sent in (
        ("message", words.Sealed(room=room, body=bytes(512))),
        ("pake", words.Routed(room=room, body=bytes(33))),
        ("meet", words.Meet(place=bytes(32))),
        ("claimed", words.Claimed(nameplate=4711, room=room)),
    ):
        assert fits(words.to_wire(sent), word(event)["payload"], page)
    for reply in (words.Met(room=None), words.Met(room=room)):
        assert fits(words.to_wire(reply), word("meet")["acknowledged"], page)
    assert fits(words.to_wire(words.Allocated(nameplate=4711, expires_seconds=600)),
                word("allocate")["acknowledged"], page)  # fmt: skip


ID_A, ID_B, ID_C = (bytes([n]) * 20 for n in (1, 0xE9, 3))
OFFER, ANSWER = ({"type": kind, "sdp": "v=0"} for kind in ("offer", "answer"))
FRAMES: list[tuple[str, str, Frame]] = [
    ("up", "Announce", Announce(info_hash=ID_A, peer_id=ID_B, left=1, event=Event.STARTED,
                                offers=(Offer(ID_C, OFFER),))),
    ("up", "Announce", Announce(info_hash=ID_A, peer_id=ID_B, event=Event.STOPPED)),
    ("up", "Answer", Answer(info_hash=ID_A, peer_id=ID_B, to_peer_id=ID_C, offer_id=ID_C,
                            answer=ANSWER)),
    ("up", "Scrape", Scrape((ID_A,))),
    ("up", "Scrape", Scrape((ID_A, ID_B))),
    ("down", "AnnounceReply", AnnounceReply(info_hash=ID_A, interval=120, complete=1)),
    ("down", "OfferFrame", OfferFrame(info_hash=ID_A, peer_id=ID_B, offer_id=ID_C, offer=OFFER)),
    ("down", "AnswerFrame", AnswerFrame(info_hash=ID_A, peer_id=ID_B, offer_id=ID_C,
                                        answer=ANSWER)),
    ("down", "ScrapeReply", ScrapeReply({ID_B: SwarmFigures(complete=2)})),
    ("down", "Failure", Failure(reason="no")),
    ("down", "Failure", Failure(reason="no", action="announce", info_hash=ID_B)),
]  # fmt: skip


@pytest.mark.parametrize(("direction", "name", "frame"), FRAMES)
def test_what_is_sent_is_the_frame_that_it_says(direction: str, name: str, frame: Frame) -> None:
    page = schema("tracker.json")
    sent = json.loads(encode(frame))
    # As a reader tells them apart: by what one kind alone has, then by the action.
    kinds = sorted(page["frames"], key=lambda each: "toldBy" not in each)
    (kind, *_) = [
        each
        for each in kinds
        if each["direction"] == direction
        and each.get("toldBy", "action" if "action" in sent else "") in sent
        and each.get("action", sent.get("action")) == sent.get("action")
    ]
    assert kind["frame"] == {"$ref": f"#/$defs/{name}"}
    assert fits(sent, kind["frame"], page)
