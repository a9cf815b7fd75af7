"""relay/protocol/schema/, generated from the msgspec types: `python -m tools.schema` writes it.

One JSON Schema (2020-12) of the words and one of the tracker's frames, for implementations in other
languages. Bounds and shapes are defined in words.py and tracker_json.py, none here.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from relay.protocol import tracker_json, words

FOLDER: Final = Path(__file__).parents[1] / "relay" / "protocol" / "schema"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REF: Final = "#/$defs/{name}"


def pages() -> dict[str, str]:
    """Return the text of each file, by its name."""
    return {"words.json": _text(_words()), "tracker.json": _text(_tracker())}


def _words() -> dict[str, Any]:
    calls = [
        {
            "event": event,
            "direction": "call",
            "payload": _ref(payload),
            "acknowledged": _ref(words.REPLIES.get(event, words.Done)),
        }
        for event, payload in words.CALLS.items()
    ]
    routed = [
        {
            "event": event,
            "direction": "routed",
            "deliveredAs": route.delivered_as,
            "payload": _ref(route.payload),
            "acknowledged": _ref(words.Done),
        }
        | _inside(event)
        for event, route in words.ROUTES.items()
    ]
    notices = [
        {"event": event, "direction": "notice", "payload": _ref(payload)}
        for event, payload in words.NOTICES.items()
    ]
    types: list[type] = [
        *words.CALLS.values(),
        *words.REPLIES.values(),
        words.Done,
        *(route.payload for route in words.ROUTES.values()),
        *words.CONTENTS.values(),
        *words.NOTICES.values(),
    ]
    codes = sorted(v for name, v in vars(words.ErrorCode).items() if name.isupper())
    return {
        "$schema": _DIALECT,
        "title": "Words between a client and a relay",
        "description": (
            "Each of `words` is a socket.io event. A call goes from a client to the relay itself, "
            "a routed word through the relay to the partner, under the name `deliveredAs`, and a "
            "notice from the relay to a client. `sealed` is what the JSON inside a sealed body is. "
            "A client's word is acknowledged with `acknowledged`, or with an Error. Members that "
            "are not named here are taken no notice of."
        ),
        "bounds": {
            "frame": words.MAX_FRAME,
            "sealed": words.MAX_SEALED,
            "content": words.MAX_CONTENT,
        },
        "words": [*calls, *routed, *notices],
        "$defs": _definitions(types)
        | {
            "Error": {
                "title": "Error",
                "description": "An acknowledgement that says no. message: for a person to read.",
                "type": "object",
                "properties": {
                    "error": {
                        "type": "object",
                        "properties": {"code": {"enum": codes}, "message": {"type": "string"}},
                        "required": ["code", "message"],
                    }
                },
                "required": ["error"],
            }
        },
    }


def _inside(event: str) -> dict[str, Any]:
    """Return the description of a routed word's body."""
    if event in words.CONTENTS:
        return {"sealed": _ref(words.CONTENTS[event])}
    return {"description": inspect.getdoc(words.PAIRING[event])}


def _tracker() -> dict[str, Any]:
    sides = {"up": tracker_json.CLIENT_SHAPES, "down": tracker_json.SERVER_SHAPES}
    frames = [
        {"direction": direction}
        | ({"action": action} if action else {})
        | ({"toldBy": told_by} if told_by else {})
        | {"frame": _ref(shape)}
        for direction, shapes in sides.items()
        for (action, told_by), shape in shapes.items()
    ]
    types = [shape for shapes in sides.values() for shape in shapes.values()]
    return {
        "$schema": _DIALECT,
        "title": "Frames between a peer and a tracker",
        "description": (
            "Each of `frames` is a JSON text of a WebSocket: `up` to the tracker, `down` from it. "
            "`action` is a member of it beside those of `frame`. Of two with the same action, the "
            "one that is meant has the member `toldBy`, which the other lacks. Ids (info_hash, "
            "peer_id, to_peer_id, offer_id, and the keys of files) are 20 code points, U+0000 to "
            "U+00FF, one a byte. Members that are not named here are taken no notice of."
        ),
        "bounds": {"frame": tracker_json.MAX_FRAME},
        "frames": frames,
        "$defs": _definitions(types),
    }


def _definitions(types: Iterable[type]) -> dict[str, Any]:
    """Return the definition of each type, and of the types that it contains, by name."""
    _, components = msgspec.json.schema_components(types, ref_template=_REF)
    return {_name(name): _neutral(each) for name, each in sorted(components.items())}


def _neutral(part: Any) -> Any:
    """Return a part of a schema without Python's own terms, in the same order for every msgspec."""
    match part:
        case dict():
            return {key: _neutral_value(key, part[key]) for key in sorted(part)}
        case list():
            return [_neutral(each) for each in part]
        case _:
            return part


def _neutral_value(key: str, value: Any) -> Any:
    match key, value:
        case "properties", dict():
            return {name: _neutral(each) for name, each in value.items()}
        case "$ref", str():
            return _REF.format(name=_name(value.rpartition("/")[2]))
        case "title", str():
            return _name(value)
        case "description", str():
            return inspect.cleandoc(value)
        case "pattern", str():
            return value.replace(r"\Z", "$")  # ECMA 262 has no \Z, and its $ is the very end
        case _:
            return _neutral(value)


def _ref(kind: type) -> dict[str, str]:
    return {"$ref": _REF.format(name=_name(kind.__name__))}


def _name(name: str) -> str:
    return name.lstrip("_").removeprefix("Wire")


def _text(page: dict[str, Any]) -> str:
    return json.dumps(_ordered(page), indent=2) + "\n"


def _ordered(part: Any) -> Any:
    """Return a part of a page with null last of alternatives: msgspec's order is its version's."""
    if isinstance(part, list):
        return [_ordered(each) for each in part]
    if not isinstance(part, dict):
        return part
    ordered = {key: _ordered(value) for key, value in part.items()}
    if isinstance(kinds := ordered.get("anyOf"), list):
        kinds.sort(key=lambda kind: kind == {"type": "null"})
    return ordered


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
