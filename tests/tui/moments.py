"""Events that make up the moments the tests and the screenshots show."""

from __future__ import annotations

import math
from typing import Any

from filesend_tui.core import events
from filesend_tui.core.events import Direction, FileEntry, PausedBy, PeerEntry, TransferPhase
from filesend_tui.core.util.figures import rate_text, size_text

ANA = "Ana"
PHOTOS = tuple(
    FileEntry(path=f"holiday/{name}", size=size)
    for name, size in (
        ("beach at dawn.jpg", 4_812_331),
        ("boat.jpg", 3_918_220),
        ("market/lemons 🍋.jpg", 5_120_874),
        ("market/fish.jpg", 4_410_032),
        ("the long way home.mp4", 812_430_112),
        ("notes.txt", 1_204),
    )
)
FILM = (FileEntry(path="the long way home.mp4", size=812_430_112),)


def paired(partner: str = ANA) -> events.Event:
    return events.Paired(partner=partner)


def asked(
    transfer: str,
    files: tuple[FileEntry, ...] = PHOTOS,
    direction: Direction = Direction.RECEIVE,
    partner: str = ANA,
    empty_folders: tuple[str, ...] = (),
    programs: int = 0,
    links: tuple[events.LinkEntry, ...] = (),
) -> list[events.Event]:
    return [
        events.FileRequest(
            transfer=transfer,
            direction=direction,
            partner=partner,
            files=files,
            total_bytes=sum(entry.size for entry in files),
            empty_folders=empty_folders,
            programs=programs,
            links=links,
        ),
        phase(transfer, TransferPhase.ASKED, direction),
    ]


def phase(
    transfer: str,
    to: TransferPhase,
    direction: Direction = Direction.RECEIVE,
    reason: str = "",
) -> events.Event:
    return events.TransferState(transfer=transfer, direction=direction, phase=to, reason=reason)


def receiving(transfer: str, files: tuple[FileEntry, ...] = PHOTOS) -> list[events.Event]:
    """A transfer that is well on its way to this machine."""
    total = sum(entry.size for entry in files)
    return [
        *asked(transfer, files),
        events.FileAnswer(transfer=transfer, accepted=tuple(i != 1 for i in range(len(files)))),
        phase(transfer, TransferPhase.APPROVED),
        phase(transfer, TransferPhase.READY),
        phase(transfer, TransferPhase.TRANSFERRING),
        events.Download(
            torrent="a" * 40,
            transfer=transfer,
            downloaded="521 MB",
            download_speed="11.2 MB/s",
            progress=0.63,
            downloaded_bytes=int(total * 0.63),
            download_bytes_per_second=11_200_000.0,
            time_remaining=27.4,
        ),
        events.SwarmState(
            torrent="a" * 40,
            transfer=transfer,
            piece_count=200,
            piece_length=4_194_304,
            pieces=((1 << 200) - (1 << 74) | sum(1 << i for i in range(0, 60, 3))).to_bytes(25),
            peers=(
                PeerEntry(
                    address="192.0.2.7:51413",
                    client="FileSend 0.1",
                    road="webrtc",
                    progress=1.0,
                    download_bytes_per_second=11_200_000.0,
                    upload_bytes_per_second=0.0,
                ),
            ),
            file_progress=(1.0, 0.0, 1.0, 0.82, 0.61, 0.0)[: len(files)],
        ),
    ]


def sending(transfer: str, files: tuple[FileEntry, ...] = FILM) -> list[events.Event]:
    """A transfer that is on its way to the partner."""
    out = Direction.SEND
    total = sum(entry.size for entry in files)
    return [
        *asked(transfer, files, out),
        events.FileAnswer(transfer=transfer, accepted=(True,) * len(files)),
        phase(transfer, TransferPhase.HASHING, out),
        phase(transfer, TransferPhase.READY, out),
        phase(transfer, TransferPhase.TRANSFERRING, out),
        events.Upload(
            torrent="b" * 40,
            transfer=transfer,
            uploaded="187 MB",
            upload_speed="8.4 MB/s",
            uploaded_bytes=187_000_000,
            upload_bytes_per_second=8_400_000.0,
        ),
        events.ProgressUpdate(
            transfer=transfer,
            downloaded="187 MB",
            download_speed="8.4 MB/s",
            progress=0.23,
            downloaded_bytes=int(total * 0.23),
            download_bytes_per_second=8_400_000.0,
            time_remaining=74.0,
        ),
        events.SwarmState(
            torrent="b" * 40,
            transfer=transfer,
            piece_count=200,
            piece_length=4_194_304,
            pieces=b"\xff" * 25,
            peers=(
                PeerEntry(
                    address="192.0.2.7:40112",
                    client="FileSend 0.1",
                    road="webrtc",
                    progress=0.23,
                    download_bytes_per_second=0.0,
                    upload_bytes_per_second=8_400_000.0,
                ),
            ),
            file_progress=(1.0,) * len(files),
        ),
    ]


def paused(transfer: str, by: PausedBy, direction: Direction = Direction.RECEIVE) -> events.Event:
    return events.TransferPaused(transfer=transfer, direction=direction, partner=ANA, by=by)


def resumed(transfer: str, by: PausedBy, direction: Direction = Direction.RECEIVE) -> events.Event:
    return events.TransferResumed(transfer=transfer, direction=direction, partner=ANA, by=by)


def queued(transfer: str, before: int, direction: Direction = Direction.SEND) -> events.Event:
    return events.TransferQueued(
        transfer=transfer, direction=direction, partner=ANA, waits=before > 0, before=before
    )


def rate(transfer: str, bytes_per_second: float, progress: float) -> events.Event:
    return events.Download(
        torrent="a" * 40,
        transfer=transfer,
        downloaded="521 MB",
        download_speed="11.2 MB/s",
        progress=progress,
        downloaded_bytes=0,
        download_bytes_per_second=bytes_per_second,
        time_remaining=27.4,
    )


def wave(count: int = 90) -> list[float]:
    """Rates that look like a transfer's."""
    return [11e6 * (0.55 + 0.35 * math.sin(i / 9) + 0.1 * math.sin(i / 2)) for i in range(count)]


def waiting(transfer: str, seconds: float = 42.0) -> events.Event:
    """The other machine is connected, and sends nothing."""
    return events.Waiting(
        transfer=transfer,
        what="sending",
        seconds=seconds,
        message=f"{ANA}'s machine sends nothing.",
        hint=f"Ask {ANA} whether it works, and its disk.",
    )


def by_relay(transfer: str) -> list[events.Event]:
    """Through the relay, with why it does not go directly and what was tried."""

    def tried(road: str, outcome: str, message: str) -> events.RoadTried:
        return events.RoadTried(road=road, outcome=outcome, message=message)

    torrent = "e" * 40
    return [
        events.Metadata(
            torrent=torrent, transfer=transfer, name="n", files=(), wanted=(), total_bytes=1
        ),
        events.PeerConnected(
            torrent=torrent,
            address="relay.example",
            client="-FS0100-",
            road="relayed",
            why="Both routers give a new port to everyone, so the relay carries it.",
            hint="Port forwarding of 4040 (with direct_port = 4040) on either side would make it "
            "direct.",
            tried=(
                tried(
                    "direct",
                    "failed",
                    "failed: your router changes ports, their router changes ports, no answer",
                ),
                tried("webrtc", "goingOn", "still tried"),
                tried("relayed", "taken", "in use"),
            ),
        ),
    ]


def held_back(transfer: str) -> events.Event:
    return events.PeerSlowed(
        torrent="e" * 40,
        transfer=transfer,
        reason="day",
        bytes_per_second=231_000,
        message="The relay holds it back: what it carries for an address in a day is used up.",
        hint="It goes on by itself, at up to 231 kB/s; a direct way would not have this limit.",
    )


def arrived(transfer: str, url: str = "file:///home/you/Downloads/holiday") -> list[events.Event]:
    return [
        events.DownloadComplete(
            torrent="a" * 40,
            transfer=transfer,
            url=url,
            bytes=826_774_553,
            seconds=73.8,
            road="webrtc",
        ),
        phase(transfer, TransferPhase.DONE),
    ]


SHARE = "c" * 40
MAGNET = (
    f"magnet:?xt=urn:btih:{SHARE}&dn=the%20long%20way%20home.mp4"
    "&tr=wss%3A%2F%2Frelay.example%2Fannounce"
)


def seeding(share_url: str | None = None) -> events.Event:
    return events.Seeding(
        torrent=SHARE,
        info_hash=SHARE,
        name=FILM[0].path,
        magnet_uri=MAGNET,
        total_bytes=FILM[0].size,
        share_url=share_url,
    )


def upload(sent: int, bytes_per_second: float = 6_300_000.0) -> events.Event:
    return events.Upload(
        torrent=SHARE,
        uploaded=size_text(sent),
        upload_speed=rate_text(bytes_per_second),
        uploaded_bytes=sent,
        upload_bytes_per_second=bytes_per_second,
    )


def came(address: str) -> events.Event:
    return events.PeerConnected(torrent=SHARE, address=address, client="-WW0208-", road="webrtc")


def went(address: str, *, complete: bool = True, sent: int = 0) -> events.Event:
    reason = "bothComplete" if complete else "closed"
    return events.PeerDropped(
        torrent=SHARE, address=address, reason=reason, complete=complete, sent_bytes=sent
    )


def swarm(**progress: float) -> events.Event:
    """The peers of the share: how far each is, by the last part of its address."""
    return events.SwarmState(
        torrent=SHARE,
        piece_count=200,
        piece_length=4_194_304,
        pieces=b"\xff" * 25,
        peers=tuple(
            PeerEntry(
                address=peer(name),
                client="-WW0208-",
                road="webrtc",
                progress=fraction,
                download_bytes_per_second=0.0,
                upload_bytes_per_second=3_150_000.0 if fraction < 1 else 0.0,
            )
            for name, fraction in progress.items()
        ),
    )


def peer(name: str) -> str:
    return f"192.0.2.{ord(name) - 90}:40112"


def shared(share_url: str | None = None) -> list[events.Event]:
    """Something shared openly: one took it, two are taking it."""
    return [
        seeding(share_url),
        came(peer("a")),
        swarm(a=0.4),
        upload(FILM[0].size),
        went(peer("a")),
        came(peer("b")),
        came(peer("c")),
        swarm(b=0.31, c=0.07),
        upload(FILM[0].size + 310_000_000),
    ]


def past() -> tuple[events.History, ...]:
    """A history, the newest first: each way, each end, and open swarms."""
    noon = 1_749_988_800.0

    def entry(number: int, direction: Direction, name: str, **more: object) -> events.History:
        fields: dict[str, object] = {
            "number": 9 - number,
            "transfer": f"{number:016}",
            "direction": direction,
            "partner": ANA,
            "result": events.Result.DONE,
            "names": (name,),
            "file_count": 1,
            "total_bytes": 811_000,
            "hash": "c" * 40,
            "began": noon - 5_000 * number - 90,
            "ended": noon - 5_000 * number,
            "road": "direct",
        }
        return events.History(**{**fields, **more})  # type: ignore[arg-type]

    def arrived_as(name: str) -> dict[str, Any]:
        return {
            "url": f"file:///home/you/Downloads/FileSend/{name}",
            "folder": "/home/you/Downloads/FileSend",
        }

    send, receive, result = Direction.SEND, Direction.RECEIVE, events.Result
    return (
        entry(0, send, "taxes 2025.pdf", partner="Ben"),
        entry(1, receive, "film.mkv", total_bytes=4_112_430_112, **arrived_as("film.mkv")),
        entry(
            *(2, receive, "holiday"),
            names=("holiday", "market lemons 🍋.jpg", "letter.odt", "notes.txt"),
            file_count=1_204,
            total_bytes=91_000_000,
            road="webrtc",
            **arrived_as("holiday"),
        ),
        entry(3, send, "letter.odt", result=result.DECLINED, reason="Not today.", road=""),
        entry(4, send, "scans", result=result.CANCELLED, file_count=201, reason="", road=""),
        entry(
            *(5, receive, "archive.tar"),
            result=result.FAILED,
            reason="The disk is full.",
            total_bytes=20_000_000_000,
            road="",
        ),
        entry(6, send, "beach.jpg", partner="", transfer=None, road="webrtc"),
        entry(
            *(7, receive, "a very long name of a talk that somebody gave about it.webm"),
            partner="",
            transfer=None,
            road="webrtc",
            **arrived_as("talk.webm"),
        ),
    )


#: Two sessions of an earlier run.
ANAS, BENS = events.SessionId("a" * 16), events.SessionId("b" * 16)


def left() -> list[events.Unfinished]:
    """What earlier runs left, the oldest first: each way, in each state, and at another relay."""
    noon = 1_749_988_800.0

    def one(number: int, direction: Direction, name: str, **more: object) -> events.Unfinished:
        fields: dict[str, object] = {
            "session": ANAS,
            "transfer": f"left{number}",
            "direction": direction,
            "phase": TransferPhase.TRANSFERRING,
            "partner": ANA,
            "name": name,
            "count": 1,
            "total_bytes": 812_430_112,
            "relay": "http://127.0.0.1:8421",
            "updated": noon - 50_000 * number,
        }
        return events.Unfinished(**{**fields, **more})  # type: ignore[arg-type]

    send, receive = Direction.SEND, Direction.RECEIVE
    return [
        one(1, receive, "the long way home.mp4", folder="/home/you/Downloads/FileSend"),
        one(2, send, "holiday", count=1_204, chosen=("/home/you/holiday",)),
        one(3, send, "taxes 2025.pdf", session=BENS, partner="Ben", phase=TransferPhase.ASKED),
    ]


def coming_back(each: events.Unfinished) -> list[events.Event]:
    """What the core says when a transfer goes on, and its partner is still away."""
    files = (FileEntry(path=each.name, size=each.total_bytes),)
    said: list[events.Event] = [
        events.Paired(session=each.session, partner=each.partner),
        events.PartnerAway(session=each.session, partner=each.partner, reason="lost"),
        events.FileRequest(
            session=each.session,
            transfer=each.transfer,
            direction=each.direction,
            partner=each.partner,
            files=files,
            total_bytes=each.total_bytes,
        ),
        events.TransferState(
            session=each.session,
            transfer=each.transfer,
            direction=each.direction,
            phase=each.phase,
        ),
    ]
    if each.direction is Direction.SEND:
        return said
    there = events.Metadata(
        session=each.session,
        transfer=each.transfer,
        torrent="d" * 40,
        name=each.name,
        files=files,
        wanted=(True,),
        total_bytes=each.total_bytes,
        wanted_bytes=each.total_bytes,
        resumed_bytes=each.total_bytes * 5 // 8,
    )
    return [*said, there]
