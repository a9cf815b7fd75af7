"""The `--json` line is an interface: names and fields are pinned here."""

from __future__ import annotations

import json

import msgspec
import pytest

from filesend_tui.core import events as e

EXAMPLES = [
    (e.Code(code="7-apple-violin", expires_seconds=600), "code", {"code", "expiresSeconds"}),
    (e.CodeClaimed(), "codeClaimed", set()),
    (e.CodeGone(reason="joined"), "codeGone", {"reason"}),
    (e.Paired(partner="Ann"), "paired", {"partner", "wants", "contact"}),
    (
        e.Contact(
            contact="c",
            name="Ann",
            their_name="A",
            created=1.0,
            last_seen=2.0,
            allowed=e.Allowance(),
        ),
        "contact",
        {
            *("contact", "name", "theirName", "created", "lastSeen", "meetings", "online"),
            *("session", "doubted", "allowed"),
        },
    ),
    (e.RememberAsked(partner="Ann"), "rememberAsked", {"partner", "outgoing"}),
    (e.RememberDeclined(partner="Ann"), "rememberDeclined", {"partner"}),
    (
        e.Remembered(partner="Ann", contact="c", name="Ann 2"),
        "remembered",
        {"partner", "contact", "name"},
    ),
    (e.Calling(contact="c", name="Ann"), "calling", {"contact", "name"}),
    (
        e.ContactForgotten(contact="c", name="Ann", by=e.Who.YOU),
        "contactForgotten",
        {"contact", "name", "by"},
    ),
    (
        e.ContactDoubted(contact="c", name="Ann", message="m", hint="h"),
        "contactDoubted",
        {"contact", "name", "message", "hint"},
    ),
    (e.ContactSeen(contact="c", name="Ann"), "contactSeen", {"contact", "name"}),
    (e.CommandEnded(transfer="a"), "commandEnded", {"transfer", "failure"}),
    (e.FileReady(transfer="a", magnet_uri="magnet:?"), "fileReady", {"transfer", "magnetURI"}),
    (e.AddTorrent(transfer="a", magnet_uri="magnet:?"), "addTorrent", {"transfer", "magnetURI"}),
    (
        e.Seeding(torrent="t", info_hash="t", name="n", magnet_uri="m", total_bytes=1),
        "seeding",
        {"torrent", "infoHash", "name", "magnetURI", "shareURL", "totalBytes", "transfer"},
    ),
    (
        e.Upload(
            torrent="t",
            uploaded="1 MB",
            upload_speed="1 MB/s",
            uploaded_bytes=1,
            upload_bytes_per_second=1.0,
        ),
        "upload",
        {
            "torrent",
            "transfer",
            "uploaded",
            "uploadSpeed",
            "uploadedBytes",
            "uploadBytesPerSecond",
        },
    ),
    (
        e.Download(
            torrent="t",
            downloaded="1 MB",
            download_speed="1 MB/s",
            progress=0.5,
            downloaded_bytes=1,
            download_bytes_per_second=1.0,
        ),
        "download",
        {
            "torrent",
            "transfer",
            "downloaded",
            "downloadSpeed",
            "progress",
            "downloadedBytes",
            "downloadBytesPerSecond",
            "timeRemaining",
            "stream",
        },
    ),
    (
        e.DownloadComplete(torrent="t", url="file:///x", bytes=1, seconds=1.0, road="webrtc"),
        "downloadComplete",
        {
            "torrent",
            "transfer",
            "url",
            "bytes",
            "seconds",
            "road",
            "resumedBytes",
            "linksNotMade",
            "sha256",
        },
    ),
    (
        e.Waiting(transfer="a", what="sending", seconds=1.0, message="m", hint="h"),
        "waiting",
        {"transfer", "what", "seconds", "message", "hint"},
    ),
    (e.WaitOver(transfer="a", what="sending"), "waitOver", {"transfer", "what"}),
    (e.TorrentDone(transfer="a"), "torrentDone", {"transfer", "sha256"}),
    (e.TorrentDestroyed(torrent="t"), "torrentDestroyed", {"torrent", "transfer"}),
    (e.ClientDestroyed(), "clientDestroyed", {"reason"}),
    (
        e.Error(code="failed", message="m", hint="h"),
        "error",
        {"code", "message", "hint", "transfer", "torrent", "offenders", "offenderCount"},
    ),
    (
        e.LeftOut(things=(e.Unfit(path="p", reason="r"),), count=1),
        "leftOut",
        {"things", "count"},
    ),
    (
        e.AlreadyThere(transfer="t", count=2, everything=False),
        "alreadyThere",
        {"transfer", "count", "everything"},
    ),
    (
        e.JournalTrouble(reason="newer", path="p", message="m", hint="h"),
        "journalTrouble",
        {"reason", "path", "message", "hint"},
    ),
    (
        e.History(direction=e.Direction.SEND, result=e.Result.DONE, began=1.0, ended=2.0),
        "history",
        {
            *("number", "transfer", "direction", "partner", "result", "reason", "names"),
            *("fileCount", "totalBytes", "hash", "url", "folder", "began", "ended", "road", "by"),
        },
    ),
    (
        e.TransferState(transfer="a", direction=e.Direction.SEND, phase=e.TransferPhase.CANCELLED),
        "transferState",
        {"transfer", "direction", "phase", "reason", "partner", "by"},
    ),
    (
        e.TransferPaused(transfer="a", direction=e.Direction.SEND, partner="p", by=e.PausedBy.BOTH),
        "transferPaused",
        {"transfer", "direction", "partner", "by"},
    ),
    (
        e.TransferResumed(transfer="a", direction=e.Direction.SEND, partner="p", by=e.PausedBy.YOU),
        "transferResumed",
        {"transfer", "direction", "partner", "by"},
    ),
    (
        e.SendAgain(transfer="a", direction=e.Direction.SEND, partner="p"),
        "sendAgain",
        {"transfer", "direction", "partner"},
    ),
    (
        e.TransferQueued(
            transfer="a", direction=e.Direction.SEND, partner="p", waits=True, before=2
        ),
        "transferQueued",
        {"transfer", "direction", "partner", "waits", "before"},
    ),
    (
        e.FilesPaused(transfer="a", direction=e.Direction.SEND, partner="p", files=(1,)),
        "filesPaused",
        {"transfer", "direction", "partner", "files"},
    ),
    (
        e.Leftover(
            message="m", hint="h", path="p", names=("n",), count=1, bytes=1, removed=True, host=""
        ),
        "leftover",
        {
            "message",
            "hint",
            "path",
            "names",
            "count",
            "bytes",
            "removed",
            "host",
            "resumable",
            "progress",
        },
    ),
]


@pytest.mark.parametrize(
    ("event", "name", "fields"), EXAMPLES, ids=[name for _, name, _ in EXAMPLES]
)
def test_json_line(event: e.Event, name: str, fields: set[str]) -> None:
    line = e.encode(event)
    assert "\n" not in line
    decoded = json.loads(line)
    assert decoded.pop("event") == name
    if isinstance(event, e.SessionEvent):
        assert decoded.pop("session") is None
    assert set(decoded) == fields


@pytest.mark.parametrize("event", [event for event, _, _ in EXAMPLES])
def test_an_event_says_whose_it_is_where_it_may_be_somebodys(event: e.Event) -> None:
    told = e.of_session(event, e.SessionId("0123456789abcdef"))
    if isinstance(event, e.SessionEvent):
        assert json.loads(e.encode(told)) == {
            **json.loads(e.encode(event)),
            "session": "0123456789abcdef",
        }
    else:
        assert told is event


def test_events_are_frozen() -> None:
    with pytest.raises(AttributeError):
        e.Paired(partner="a").partner = "b"  # type: ignore[misc]


def test_a_code_never_stands_in_a_repr() -> None:
    assert "apple" not in repr(e.Code(code="7-apple-violin", expires_seconds=1))


def test_every_event_encodes_under_its_own_name() -> None:
    bases = (e.Event, e.SessionEvent, e.TransferEvent)
    kinds = [kind for base in bases for kind in base.__subclasses__()]
    names = [cls.__struct_config__.tag for cls in kinds]
    assert len(set(names)) == len(names)
    assert all(issubclass(cls, msgspec.Struct) for cls in kinds)
