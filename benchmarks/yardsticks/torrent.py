"""A libtorrent peer: one file over plain TCP, or over WebRTC.

    python -m benchmarks.yardsticks.torrent seed FILE [--tracker WS_URL]
    python -m benchmarks.yardsticks.torrent download FOLDER [--tracker WS_URL]

With --tracker peers meet there and may only use WebRTC; without, the downloader connects to the
seeder's port, in plaintext. The seeder prints `{"torrent", "port"}`, which the downloader reads as
a line; the downloader prints `{"first": true}` at its first verified piece, and its figures at the
end. Both end with their standard input.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from pathlib import Path
from typing import Any

import libtorrent as lt

_POLL = 0.005
#: The product's piece length.
_PIECE = 1024 * 1024


def settings(*, webrtc: bool) -> Any:
    """Return a session's settings: no outside lookups, and only one transport enabled."""
    plain = int(lt.enc_policy.disabled)
    return {
        "listen_interfaces": "0.0.0.0:0" if webrtc else "127.0.0.1:0",
        "enable_outgoing_tcp": not webrtc,
        "enable_incoming_tcp": not webrtc,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "out_enc_policy": plain,
        "in_enc_policy": plain,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "webtorrent_stun_server": "",
        "allow_multiple_connections_per_ip": True,
        "alert_mask": 0,
    }


def seed(options: argparse.Namespace) -> None:
    """Serve a file."""
    path = Path(options.path)
    files = lt.file_storage()
    files.add_file(path.name, path.stat().st_size)
    maker = lt.create_torrent(files, _PIECE, lt.create_torrent.v1_only)
    if options.tracker:
        maker.add_tracker(options.tracker)
    lt.set_piece_hashes(maker, str(path.parent))
    described = lt.bencode(maker.generate())
    session = lt.session(settings(webrtc=bool(options.tracker)))
    added = lt.add_torrent_params()
    added.ti = _torrent(described)
    added.save_path = str(path.parent)
    added.flags |= lt.torrent_flags.seed_mode
    added.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    session.add_torrent(added)
    torrent = base64.b64encode(described).decode()
    print(json.dumps({"torrent": torrent, "port": session.listen_port()}), flush=True)
    cpu = time.process_time()
    sys.stdin.readline()
    print(json.dumps({"cpu": time.process_time() - cpu}), flush=True)


def download(options: argparse.Namespace) -> None:
    """Download the file of the torrent read from standard input."""
    told = json.loads(sys.stdin.readline())
    session = lt.session(settings(webrtc=bool(options.tracker)))
    added = lt.add_torrent_params()
    added.ti = _torrent(base64.b64decode(told["torrent"]))
    added.save_path = options.path
    added.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    handle = session.add_torrent(added)
    if not options.tracker:
        handle.connect_peer(("127.0.0.1", told["port"]))
    first = begin = cpu = 0.0
    while True:
        status = handle.status()
        if not first and status.total_wanted_done:
            first, begin = time.perf_counter(), status.total_wanted_done
            cpu = time.process_time()
            print(json.dumps({"first": True}), flush=True)
        if status.is_seeding:
            break
        time.sleep(_POLL)
    print(
        json.dumps(
            {
                "bytes": status.total_wanted_done - begin,
                "seconds": time.perf_counter() - first,
                "cpu": time.process_time() - cpu,
            }
        ),
        flush=True,
    )
    sys.stdin.readline()


def _torrent(described: bytes) -> lt.torrent_info:
    decoded: Any = lt.bdecode(described)
    return lt.torrent_info(decoded)


def main() -> None:
    """Read the options and run one peer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.yardsticks.torrent")
    parser.add_argument("role", choices=("seed", "download"))
    parser.add_argument("path")
    parser.add_argument("--tracker")
    options = parser.parse_args()
    (seed if options.role == "seed" else download)(options)


if __name__ == "__main__":
    main()
