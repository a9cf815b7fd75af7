"""Who begins with what: each piece is in one share, and shares are as large as each other."""

from __future__ import annotations

import pytest

from filesend_tui.core.torrent.pieces.picker import PiecePicker
from filesend_tui.core.torrent.pieces.shares import ROW, own_share
from filesend_tui.core.wire.shape import TorrentShape

PEOPLE = [bytes([n]) * 20 for n in (7, 3, 200, 90, 4)]


def shape(pieces: int, piece_length: int = ROW // 4) -> TorrentShape:
    return TorrentShape(pieces, piece_length, pieces * piece_length - 5)


def shares(torrent: TorrentShape, people: list[bytes]) -> list[int]:
    return [own_share(torrent, own, [each for each in people if each != own]) for own in people]


@pytest.mark.parametrize("pieces", [1, 3, 4, 5, 20, 21, 399, 4096])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("length", [ROW // 4, ROW, 4 * ROW], ids=["small", "a row", "large"])
def test_every_piece_is_in_one_share(pieces: int, count: int, length: int) -> None:
    torrent = shape(pieces, length)
    them = shares(torrent, PEOPLE[:count])
    whole = (1 << pieces) - 1
    assert sum(them) == whole, "none overlap, as their sum is all"
    for share in them:
        assert share & ~whole == 0
    row = max(1, ROW // length)
    sizes = [share.bit_count() for share in them]
    assert max(sizes) - min(sizes) <= row


def test_neighbours_stay_together() -> None:
    (first, *_) = shares(shape(40), sorted(PEOPLE))
    assert bin(first)[2:].zfill(40)[::-1] == ("1111" + "0000" * 4) * 2


def test_a_share_is_begun_with_and_bars_nothing() -> None:
    torrent = shape(8)
    picker: PiecePicker[str] = PiecePicker(torrent)
    picker.peer_joined("seed")
    picker.peer_has_all("seed")
    picker.peer_joined("other")
    picker.begin_with(0b1100_0011)
    runs = [picker.pick_pieces("seed", ROW) for _ in range(4)]
    assert {tuple(run) for run in runs[:2]} == {(0, 1), (6, 7)}, "no run goes into other shares"
    assert sorted(piece for run in runs for piece in run) == list(range(8))


def test_what_few_have_comes_before_ones_own_share() -> None:
    picker: PiecePicker[str] = PiecePicker(shape(4))
    for peer in ("seed", "other"):
        picker.peer_joined(peer)
    picker.peer_has_all("seed")
    picker.peer_has("other", [0, 1])
    picker.begin_with(0b0011)
    begun = {request.index for request in picker.pick("seed", 2 * 16)}
    assert begun == {2, 3}
