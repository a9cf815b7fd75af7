"""One libtorrent peer over WebRTC alone, as a program: a JSON object a line out, commands in.

    python libtorrent_peer.py seed PATH TRACKER
    python libtorrent_peer.py download MAGNET FOLDER

A line in, `figures`, asks for figures; the end of standard input ends it. A process of its own, as
its threads must not share an interpreter with what they are measured against.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import libtorrent as lt

#: WebRTC is all that is left, and nothing is looked up outside.
SETTINGS: Any = {
    "listen_interfaces": "0.0.0.0:0",
    "enable_outgoing_tcp": False,
    "enable_incoming_tcp": False,
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "webtorrent_stun_server": "",
    "allow_multiple_connections_per_ip": True,
    "alert_mask": lt.alert.category_t.status_notification
    | lt.alert.category_t.error_notification
    | lt.alert.category_t.tracker_notification
    | lt.alert.category_t.storage_notification,
}


def say(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def main() -> None:
    role, what, where = sys.argv[1:]
    session = lt.session(SETTINGS)
    handle = _seed(session, Path(what), where) if role == "seed" else _add(session, what, where)
    asked = threading.Event()
    ended = threading.Event()
    threading.Thread(target=_listen, args=(asked, ended), daemon=True).start()
    began = time.monotonic()
    told_metadata = told_done = role == "seed"
    took: float | None = None
    while not ended.is_set():
        session.wait_for_alert(50)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.torrent_error_alert | lt.listen_failed_alert):
                say("failed", message=alert.message())
            elif isinstance(alert, lt.tracker_error_alert):
                say("trackerFailed", message=alert.message())
            elif isinstance(alert, lt.cache_flushed_alert) and took is not None and not told_done:
                told_done = True
                say("done", seconds=took, **_figures(handle))
        status = handle.status()
        if not told_metadata and status.has_metadata:
            told_metadata = True
            began = time.monotonic()
            say("metadata", name=status.name)
        if took is None and not told_done and status.is_seeding:
            took = time.monotonic() - began
            # Every piece was compared with its hash, and may still be on its way to the disk.
            handle.flush_cache()
        if asked.is_set():
            asked.clear()
            say("figures", **_figures(handle))
    session.remove_torrent(handle)


def _seed(session: lt.session, path: Path, tracker: str) -> lt.torrent_handle:
    storage = lt.file_storage()
    lt.add_files(storage, str(path))
    maker = lt.create_torrent(storage, 0, lt.create_torrent.v1_only)
    maker.add_tracker(tracker)
    lt.set_piece_hashes(maker, str(path.parent))
    info = lt.torrent_info(maker.generate())
    handle = session.add_torrent({"ti": info, "save_path": str(path.parent)})
    while not handle.status().is_seeding:
        session.wait_for_alert(50)
        session.pop_alerts()
    say("seeding", magnet=lt.make_magnet_uri(handle), length=info.total_size())
    return handle


def _add(session: lt.session, magnet: str, folder: str) -> lt.torrent_handle:
    params = lt.parse_magnet_uri(magnet)
    params.save_path = folder
    return session.add_torrent(params)


def _listen(asked: threading.Event, ended: threading.Event) -> None:
    for _line in sys.stdin:
        asked.set()
    ended.set()


def _figures(handle: lt.torrent_handle) -> dict[str, Any]:
    status = handle.status()
    return {
        "received": status.total_payload_download,
        "uploaded": status.total_payload_upload,
        "redundant": status.total_redundant_bytes,
        "failed_bytes": status.total_failed_bytes,
        "peers": [
            {
                "client": bytes(peer.pid.to_bytes()[:8]).decode("latin-1"),
                "downloaded": peer.total_download,
                "uploaded": peer.total_upload,
            }
            for peer in handle.get_peer_info()
        ],
    }


if __name__ == "__main__":
    main()
