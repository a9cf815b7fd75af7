from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.protocol import words
from relay.protocol.words import parse, to_wire

ID = "0123456789abcdef"
PAYLOADS = {
    **{event: route.payload for event, route in words.ROUTES.items()},
    **{f"inside {event}": content for event, content in words.CONTENTS.items()},
    **words.CALLS,
    **words.NOTICES,
}


def base64_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
fields = sorted({name for word in PAYLOADS.values() for name in word.__struct_encode_fields__})
field_values = json_values | st.just(ID) | st.binary(max_size=9).map(base64_text)
objects = st.dictionaries(st.sampled_from(fields), field_values)


@given(st.sampled_from(sorted(PAYLOADS)), objects | json_values)
def test_whatever_comes_is_read_in_bounds_or_refused(event: str, data: object):
    try:
        word = parse(PAYLOADS[event], data)
    except msgspec.ValidationError:
        return
    assert parse(PAYLOADS[event], to_wire(word)) == word


def test_bytes_travel_as_base64_text():
    word = parse(words.Pake, {"body": base64_text(b"\0\xff")})
    assert word.body == b"\0\xff"
    assert to_wire(word) == {"body": "AP8="}


def test_names_are_camel_case_on_the_wire():
    ready = words.FileReady(id=ID, magnet_uri="magnet:?xt=1", swarm_key=bytes(32))
    wire = {"id": ID, "magnetURI": "magnet:?xt=1", "swarmKey": base64_text(bytes(32))}
    assert to_wire(ready) == wire


def test_a_swarm_key_and_its_magnet_are_never_shown():
    ready = words.FileReady(id=ID, magnet_uri="magnet:?xt=1", swarm_key=b"k" * 32)
    shown = repr(ready) + f"{ready}" + repr(ready.__rich_repr__())
    assert "magnet" not in shown
    assert "kkk" not in shown


def test_what_the_relay_does_not_know_is_not_passed_on():
    assert to_wire(parse(words.DownloadStarted, {"id": ID, "extra": 1})) == {"id": ID}


def progress(**changes: Any) -> dict[str, Any]:
    return {"id": ID, "downloaded": 1, "downloadSpeed": 1.5, "progress": 0.5} | changes


def ready(**changes: Any) -> dict[str, Any]:
    good = {"id": ID, "magnetURI": "magnet:?xt=1", "swarmKey": base64_text(bytes(32))}
    return good | changes


@pytest.mark.parametrize(
    ("word", "data"),
    [
        (words.DownloadStarted, {"id": ID + "\n"}),
        (words.DownloadStarted, {"id": ID.upper()}),
        (words.DownloadStarted, {"id": "a" * 65}),
        (words.Claim, {"nameplate": 0}),
        (words.Claim, {"nameplate": "1"}),
        (words.Claim, None),
        (words.Pake, {"body": "A" * 2000}),
        (words.Sealed, {"body": base64_text(bytes(15))}),
        (words.Sealed, {"body": base64_text(bytes(words.MAX_SEALED + 1))}),
        (words.Message, {"text": ""}),
        (words.Message, {"text": "x" * 4001}),
        (words.FileReady, ready(magnetURI="http://127.0.0.1")),
        (words.FileReady, ready(swarmKey=base64_text(bytes(31)))),
        (words.FileReady, ready(swarmKey=base64_text(bytes(33)))),
        (words.FileReady, ready(swarmKey=None)),
        (words.FileRequest, {"id": ID, "files": []}),
        (words.FileRequest, {"id": ID, "files": [{"path": "a", "size": -1}]}),
        (words.FileRequest, {"id": ID, "files": [{"path": "a", "size": 1}] * 10_001}),
        (words.ProgressUpdate, progress(progress=float("nan"))),
        (words.ProgressUpdate, progress(progress=1.1)),
        (words.ProgressUpdate, progress(downloadSpeed=float("inf"))),
        (words.ProgressUpdate, progress(timeRemaining=float("inf"))),
    ],
)
def test_out_of_bounds_is_refused(word: type[words.Word], data: object):
    with pytest.raises(msgspec.ValidationError):
        parse(word, data)


def test_a_request_with_the_most_files_fits():
    files = [{"path": f"{n:05}" + "x" * 300, "size": 2**53} for n in range(words.MAX_FILES)]
    request = parse(words.FileRequest, {"id": ID, "files": files})
    assert len(msgspec.json.encode(request)) < words.MAX_CONTENT


def test_the_largest_sealed_word_fits_a_frame():
    largest = words.Sealed(room="0" * 32, body=bytes(words.MAX_SEALED))
    assert len(msgspec.json.encode(to_wire(largest))) < words.MAX_FRAME - 1024


def test_everything_routed_is_sealed_but_the_pairing():
    clear = {event for event, route in words.ROUTES.items() if route.payload != words.Sealed}
    assert clear == {"pake", "confirm", "commit", "reveal"}
    assert words.ROUTES.keys() - clear == words.CONTENTS.keys()
