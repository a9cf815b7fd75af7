"""state/under_way.py: what ending the program would cut short."""

from __future__ import annotations

from filesend_tui.core import events
from filesend_tui.core.events import Direction, Event, PeerEntry, TransferPhase
from filesend_tui.state.under_way import UnderWay

T, SHARE = "t1", "ab" * 20


def after(*happened: Event) -> UnderWay:
    under_way = UnderWay()
    for event in happened:
        under_way.see(event)
    return under_way


def request(direction: Direction) -> Event:
    return events.FileRequest(
        transfer=T, direction=direction, partner="Ann", files=(), total_bytes=0
    )


def state(direction: Direction, phase: TransferPhase) -> Event:
    return events.TransferState(transfer=T, direction=direction, phase=phase)


def peer(progress: float) -> Event:
    entry = PeerEntry(
        address="a",
        client="",
        road="",
        progress=progress,
        download_bytes_per_second=0,
        upload_bytes_per_second=0,
    )
    return events.SwarmState(
        torrent=SHARE, piece_count=1, piece_length=1, pieces=b"", peers=(entry,)
    )


SEEDING = events.Seeding(torrent=SHARE, info_hash=SHARE, name="", magnet_uri="", total_bytes=1)
CAME = events.PeerConnected(torrent=SHARE, address="a", client="", road="direct")


def test_a_request_of_ones_own_is_until_it_has_ended() -> None:
    asked = request(Direction.SEND)
    assert after(asked).any
    assert after(asked, state(Direction.SEND, TransferPhase.TRANSFERRING)).any
    for phase in TransferPhase:
        assert after(asked, state(Direction.SEND, phase)).any is not phase.ended


def test_a_request_of_the_partners_is_once_it_has_a_yes() -> None:
    asked = request(Direction.RECEIVE)
    assert not after(asked).any
    assert set(after(asked, state(Direction.RECEIVE, TransferPhase.ASKED)).waiting) == {T}
    approved = after(asked, state(Direction.RECEIVE, TransferPhase.APPROVED))
    assert approved.any
    assert not approved.waiting
    declined = after(asked, state(Direction.RECEIVE, TransferPhase.DECLINED))
    assert not declined.any
    assert not declined.waiting


def test_a_share_is_while_somebody_lacks_some_of_it() -> None:
    assert not after(SEEDING).any
    assert after(SEEDING, CAME).any
    assert after(SEEDING, CAME, peer(0.5)).any
    assert not after(SEEDING, CAME, peer(1.0)).any
    left = events.PeerDropped(torrent=SHARE, address="a", reason="closed")
    assert not after(SEEDING, CAME, left).any
    assert not after(SEEDING, CAME, events.TorrentDestroyed(torrent=SHARE)).any
    assert not after(CAME).any, "a peer of a torrent that is no share"


def test_a_download_is_once_it_is_known_what_it_is() -> None:
    known = events.Metadata(torrent=SHARE, name="", files=(), wanted=(), total_bytes=1)
    assert after(known).any
    done = events.DownloadComplete(torrent=SHARE, url="", bytes=1, seconds=1, road="")
    assert not after(known, done).any
    assert not after(known, events.TorrentDestroyed(torrent=SHARE)).any


def test_only_what_shows_that_something_happens_is_motion() -> None:
    def upload(rate: float) -> Event:
        return events.Upload(
            torrent=SHARE,
            uploaded="",
            upload_speed="",
            uploaded_bytes=0,
            upload_bytes_per_second=rate,
        )

    waiting = events.Waiting(transfer=T, what="answer", seconds=60, message="", hint="")
    again = events.Relay(state="lost", url="")
    assert after(upload(0.0), peer(0.5), waiting, again).moved == 0
    assert after(upload(1.0), state(Direction.SEND, TransferPhase.READY)).moved == 2


def test_it_says_what_it_is() -> None:
    assert after().words == "nothing"
    two = UnderWay(transfers={"a", "b"})
    two.see(SEEDING)
    two.see(CAME)
    assert two.words == "2 transfers and 1 share"
