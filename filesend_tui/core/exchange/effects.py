"""The effects of an exchange: the words, events and work behind a table's row.

Every function takes the request's id and the input. When each applies is table.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from filesend_tui.core import events
from filesend_tui.core.error_events import error_event
from filesend_tui.core.errors import BadSource
from filesend_tui.core.events import TransferId
from filesend_tui.core.exchange.values import (
    Approved,
    Cancelled,
    Completed,
    Declined,
    Effect,
    Failed,
    FreeTorrent,
    Input,
    Misanswered,
    PartnerLost,
    Prepared,
    Progressed,
    Publish,
    Ready,
    SendWord,
    StartAdding,
    Started,
    StartSeeding,
)
from filesend_tui.core.util.figures import rate_text, size_text
from filesend_tui.core.util.text import clean
from relay.protocol import words

#: Characters of a reason, as relay/protocol/words.py bounds them.
MAX_REASON: Final = 200
#: Reasons for the partner when something failed here, by error code: none names a file or folder.
_TOLD: Final[Mapping[str, str]] = {
    "badSource": "The sender could not read the files.",
    "badMetadata": "What came was not what was offered.",
    "badMagnet": "What came was not what was offered.",
    "noSpace": "The receiver's disk is full.",
    "storageFailed": "The other side's disk refused.",
    "trackerFailed": "The other side could not reach the tracker.",
    "noPeers": "No connection between the two machines could be made.",
    "channelFailed": "No connection between the two machines could be made.",
    "readerGone": "What read the stream at the other side has closed it.",
    "streamDamaged": "What arrived of the stream is not what was sent.",
}
_TOLD_OTHERWISE: Final = "It failed on the other side."


def send_answer(id: TransferId, happened: Approved | Declined) -> Effect:
    """Send the partner the answer."""
    reason = happened.reason if isinstance(happened, Declined) else ""
    reach = happened.reach if isinstance(happened, Approved) else None
    accepted = list(happened.accepted)
    return SendWord(words.FileAnswer(id=id, accepted=accepted, reason=reason, reach=reach))


def send_preparing(id: TransferId, happened: Prepared) -> Effect:
    """Send the partner the progress of hashing."""
    return SendWord(words.Preparing(id=id, progress=happened.progress))


def send_ready(id: TransferId, happened: Ready) -> Effect:
    """Send the partner the magnet of the torrent, which is served now."""
    return SendWord(
        words.FileReady(
            id=id,
            magnet_uri=happened.magnet,
            swarm_key=happened.swarm_key,
            reach=happened.reach,
        )
    )


def send_started(id: TransferId, _: Started) -> Effect:
    """Report to the partner that pieces are requested."""
    return SendWord(words.DownloadStarted(id=id))


def send_progress(id: TransferId, happened: Progressed) -> Effect:
    """Send the partner this side's figures."""
    reason, missing = happened.disk or ("", 0)
    return SendWord(
        words.ProgressUpdate(
            id=id,
            downloaded=happened.downloaded,
            download_speed=happened.speed,
            progress=happened.progress,
            time_remaining=happened.time_remaining,
            disk=reason,
            missing=missing,
        )
    )


def send_complete(id: TransferId, happened: Completed) -> Effect:
    """Report to the partner that the download is complete."""
    return SendWord(words.DownloadComplete(id=id, digest=happened.digest or None))


def send_cancelled(id: TransferId, happened: Cancelled) -> Effect:
    """Report to the partner that the person here cancelled."""
    return SendWord(words.Cancel(id=id, reason=happened.reason[:MAX_REASON]))


def send_failed(id: TransferId, happened: Failed | Misanswered) -> Effect:
    """Report to the partner that it failed here, without private details."""
    error = happened.error
    told = error.told if isinstance(error, BadSource) else ""
    reason = told or _TOLD.get(error.code, _TOLD_OTHERWISE)
    return SendWord(words.Cancel(id=id, reason=clean(reason, MAX_REASON), failed=True))


def publish_answer(id: TransferId, happened: Approved | Declined) -> Effect:
    """Publish the answer."""
    return Publish(events.FileAnswer(transfer=id, accepted=happened.accepted))


def publish_hashing(id: TransferId, happened: Prepared) -> Effect:
    """Publish the progress of the partner's hashing."""
    return Publish(events.Hashing(transfer=id, progress=happened.progress))


def publish_ready(id: TransferId, happened: Ready) -> Effect:
    """Publish that the magnet was sent to the partner."""
    return Publish(events.FileReady(transfer=id, magnet_uri=happened.magnet))


def publish_added(id: TransferId, happened: Ready) -> Effect:
    """Publish that the partner's torrent is added."""
    return Publish(events.AddTorrent(transfer=id, magnet_uri=clean(happened.magnet, 4096)))


def publish_started(id: TransferId, _: Started) -> Effect:
    """Publish that pieces are requested."""
    return Publish(events.DownloadStarted(transfer=id))


def publish_progress(id: TransferId, happened: Progressed) -> Effect:
    """Publish the partner's figures."""
    return Publish(
        events.ProgressUpdate(
            transfer=id,
            downloaded=size_text(happened.downloaded),
            download_speed=rate_text(happened.speed),
            progress=happened.progress,
            downloaded_bytes=happened.downloaded,
            download_bytes_per_second=happened.speed,
            time_remaining=happened.time_remaining,
            stream=happened.stream,
        )
    )


def publish_done(id: TransferId, happened: Completed) -> Effect:
    """Publish that the partner has everything."""
    return Publish(events.TorrentDone(transfer=id, sha256=happened.digest.hex()))


def publish_error(id: TransferId, happened: Failed | Misanswered | PartnerLost) -> Effect:
    """Publish what went wrong."""
    return Publish(error_event(happened.error, transfer=id))


def seed(_id: TransferId, happened: Approved) -> Effect:
    """Serve the torrent, which has been in the making since the request."""
    return StartSeeding(happened.reach)


def add(_id: TransferId, happened: Ready) -> Effect:
    """Fetch the torrent."""
    return StartAdding(happened.magnet, happened.swarm_key, happened.reach)


def free(_id: TransferId, _: Input) -> Effect:
    """Destroy the torrent and keep the files."""
    return FreeTorrent(delete_data=False)


def free_and_delete(_id: TransferId, _: Input) -> Effect:
    """Destroy the torrent and its part files."""
    return FreeTorrent(delete_data=True)
