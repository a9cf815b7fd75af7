"""The store: events in, frozen rows out."""

from __future__ import annotations

import pytest

from filesend_tui.core import events
from filesend_tui.core.events import Direction, FileEntry, PausedBy, TransferPhase, Who
from filesend_tui.state.store import (
    MAX_ENTRIES,
    MAX_LINES,
    MAX_ROWS,
    MAX_SAMPLES,
    OLD,
    STALL,
    Store,
)
from filesend_tui.state.views import Level, name_of
from tests.tui.moments import (
    ANA,
    FILM,
    PHOTOS,
    arrived,
    asked,
    paired,
    phase,
    queued,
    rate,
    receiving,
    resumed,
    sending,
    waiting,
)
from tests.tui.moments import paused as pausing


def fed(*happened: events.Event, now: float = 100.0) -> Store:
    store = Store()
    for event in happened:
        store.apply(event, now)
    return store


def test_a_request_becomes_a_row_that_waits_for_an_answer() -> None:
    store = fed(*asked("r1"))
    (row,) = store.requests
    assert (row.name, row.partner, row.wanted_count) == ("holiday/", ANA, 6)
    assert row.wanted_bytes == sum(entry.size for entry in PHOTOS)
    assert store.running == (row,)


def test_a_request_of_ones_own_waits_for_nobody_here() -> None:
    assert fed(*asked("s1", direction=Direction.SEND)).requests == ()


def test_an_answer_counts_only_what_got_a_yes() -> None:
    accepted = (True, False, True, False, False, True)
    store = fed(*asked("r1"), events.FileAnswer(transfer="r1", accepted=accepted))
    row = store.rows["r1"]
    assert row.wanted_count == 3
    assert row.wanted_bytes == PHOTOS[0].size + PHOTOS[2].size + PHOTOS[5].size


def test_an_answer_of_the_wrong_length_changes_nothing() -> None:
    store = fed(*asked("r1"), events.FileAnswer(transfer="r1", accepted=(True,)))
    assert store.rows["r1"].accepted is None


def test_what_is_left_out_is_told() -> None:
    things = (events.Unfit(path="d/fifo", reason="is neither a file nor a folder"),)
    told = fed(events.LeftOut(things=things, count=1)).notice
    assert told is not None
    assert told.message == "Left out: d/fifo is neither a file nor a folder."
    told = fed(events.LeftOut(things=things, count=1200)).notice
    assert told is not None
    assert told.message.startswith("1,200 things are left out, such as d/fifo:")


def test_receiving_shows_the_figures_of_download() -> None:
    row = fed(*receiving("r1")).rows["r1"]
    assert (row.progress, row.speed, row.time_remaining) == (0.63, "11.2 MB/s", 27.4)
    assert row.road == "webrtc"


def test_sending_shows_the_receivers_progress_and_the_own_rate() -> None:
    row = fed(*sending("s1")).rows["s1"]
    assert (row.progress, row.speed) == (0.23, "8.4 MB/s")
    assert row.time_remaining == 74.0


def test_preparing_counts_from_nothing_again_when_the_transfer_starts() -> None:
    store = fed(*asked("r1"), phase("r1", TransferPhase.HASHING))
    store.apply(events.Hashing(transfer="r1", progress=0.8), 100)
    assert store.rows["r1"].progress == 0.8
    store.apply(phase("r1", TransferPhase.TRANSFERRING), 100)
    assert store.rows["r1"].progress == 0.0


def test_arrival_keeps_where_and_how_long() -> None:
    store = fed(*receiving("r1"), *arrived("r1"))
    row = store.rows["r1"]
    assert (row.url, row.seconds, row.ended) == ("file:///home/you/Downloads/holiday", 73.8, True)
    assert row.bytes_per_second == 0
    assert store.notice is not None
    assert store.notice.level is Level.GOOD
    assert store.running == ()


def test_a_late_figure_does_not_revive_an_ended_transfer() -> None:
    store = fed(*receiving("r1"), *arrived("r1"))
    before = store.rows["r1"]
    store.apply(rate("r1", 5e6, 0.4), 101)
    assert store.rows["r1"] == before


@pytest.mark.parametrize(
    ("end", "direction", "says"),
    [
        (TransferPhase.DECLINED, Direction.SEND, "Ana said no to"),
        (TransferPhase.CANCELLED, Direction.RECEIVE, "was cancelled (they gave up)"),
        (TransferPhase.FAILED, Direction.SEND, "did not arrive: they gave up"),
        (TransferPhase.DONE, Direction.SEND, "Ana has"),
    ],
)
def test_each_end_says_what_happened(end: TransferPhase, direction: Direction, says: str) -> None:
    store = fed(*asked("t", FILM, direction), phase("t", end, direction, "they gave up"))
    assert store.notice is not None
    assert says in store.notice.message
    assert store.rows["t"].ended


def test_declining_oneself_needs_no_notice() -> None:
    assert fed(*asked("r1"), phase("r1", TransferPhase.DECLINED)).notice is None


def test_an_error_about_a_transfer_says_more_than_its_end() -> None:
    failed = events.Error(
        code="noSpace", message="The disk is full.", hint="Free some.", transfer="r1"
    )
    store = fed(
        *receiving("r1"), failed, phase("r1", TransferPhase.FAILED, reason="The disk is full.")
    )
    assert store.notice is not None
    assert (store.notice.message, store.notice.hint) == ("The disk is full.", "Free some.")
    assert store.rows["r1"].hint == "Free some."


def test_who_left_says_more_than_the_transfers_that_failed_with_them() -> None:
    store = fed(
        paired(),
        *receiving("r1"),
        events.PartnerGone(partner=ANA, reason="left"),
        events.Error(
            code="partnerGone", message="The other person is gone.", hint="", transfer="r1"
        ),
        phase("r1", TransferPhase.FAILED, reason="The other person is gone."),
    )
    assert store.partner is None
    assert store.notice is not None
    assert store.notice.message == "Ana left."
    assert store.rows["r1"].phase is TransferPhase.FAILED


def test_what_another_session_tells_of_is_not_mixed_in_but_for_transfers_that_are_shown() -> None:
    first, second = events.SessionId("1" * 16), events.SessionId("2" * 16)

    def of(session: events.SessionId, *happened: events.Event) -> list[events.Event]:
        return [events.of_session(event, session) for event in happened]

    store = fed(
        *of(first, paired(), *receiving("r1"), events.PartnerGone(partner=ANA, reason="left")),
        *of(second, paired("Bob"), *receiving("r2")),
        *of(first, phase("r1", TransferPhase.FAILED), *asked("r3")),
        *of(first, events.Message(partner=ANA, text="still here?")),
        *of(first, events.PartnerGone(partner=ANA, reason="left")),
        *of(first, events.CodeGone(reason="burned")),
    )
    assert (store.partner, store.session) == ("Bob", second)
    assert {id: row.phase for id, row in store.rows.items()} == {
        "r1": TransferPhase.FAILED,  # late, and still told
        "r2": TransferPhase.TRANSFERRING,
    }
    assert not store.unread
    store.apply(events.Relay(state="lost", url="u"), 0)
    assert store.relay.state == "lost"


@pytest.mark.parametrize(
    ("reason", "says"),
    [("left", "Ana left."), ("lost", "was lost"), ("relay", "relay went away"), ("self", "You")],
)
def test_each_way_a_pairing_ends_has_its_words(reason: str, says: str) -> None:
    store = fed(paired(), events.PartnerGone(partner=ANA, reason=reason))
    assert store.notice is not None
    assert says in store.notice.message
    assert "p to pair" in store.notice.hint


def test_why_this_side_hung_up_on_the_relay_says_more_than_that_it_went_away() -> None:
    store = fed(
        paired(),
        events.Relay(state="lost", url="u"),
        events.Error(code="relayUnreachable", message="Hung up on it.", hint="Use another."),
        events.PartnerGone(partner=ANA, reason="relay"),
    )
    assert store.notice is not None
    assert (store.notice.message, store.notice.hint) == ("Hung up on it.", "Use another.")


def test_a_code_knows_when_it_ends_and_is_no_secret_leak() -> None:
    store = fed(events.Code(code="7-apple-violin", expires_seconds=600), now=50)
    assert store.code is not None
    assert store.code.expires_at == 650
    assert "apple" not in repr(store.code)


def test_a_burned_code_warns() -> None:
    store = fed(
        events.Code(code="7-apple-violin", expires_seconds=600), events.CodeGone(reason="burned")
    )
    assert store.code is not None
    assert (store.code.gone, store.code.code) == ("burned", "")
    assert store.notice is not None
    assert store.notice.level is Level.WARNING


def test_a_lost_relay_is_a_notice_until_it_is_back() -> None:
    store = fed(events.Relay(state="lost", url="u"))
    assert store.notice is not None
    store.apply(events.Relay(state="connected", url="u"), 1)
    assert store.notice is None


@pytest.mark.parametrize("paired_up", [True, False])
def test_a_relays_loss_is_told_once(paired_up: bool) -> None:
    """Pairing, transfers and code go with it; each is news, and none of it tells of the relay."""
    told: list[str] = []
    store = Store()
    happened: list[events.Event] = [events.Relay(state="connected", url="u")]
    if paired_up:
        happened += [paired(), *receiving("r1"), *sending("s1")]
    happened += [events.Relay(state="lost", url="u")]
    if paired_up:
        gone = "The connection to the relay at u was lost."
        happened += [events.PartnerGone(partner=ANA, reason="relay")]
        for transfer, way in (("r1", Direction.RECEIVE), ("s1", Direction.SEND)):
            happened += [
                events.Error(code="relayUnreachable", message=gone, hint="", transfer=transfer),
                phase(transfer, TransferPhase.FAILED, way, reason=gone),
            ]
    happened += [
        event
        for _ in range(3)  # tried again and again
        for event in (
            events.Relay(state="connecting", url="u"),
            events.Relay(state="lost", url="u"),
        )
    ]
    for event in happened:
        store.apply(event, 1)
        if store.notice is not None and store.notice.message not in told:
            told.append(store.notice.message)
        if event == happened[-6]:
            store.dismiss()
    # Where somebody was there, one sentence takes the place of the other in the same moment.
    assert store.notice is None
    assert len(told) == 1 + paired_up
    assert told[-1].startswith(
        "The relay went away" if paired_up else "The connection to the relay"
    )


def test_the_relays_return_ends_the_word_of_its_loss_but_not_that_the_partner_is_gone() -> None:
    store = fed(paired(), events.Relay(state="lost", url="u"))
    store.apply(events.PartnerGone(partner=ANA, reason="relay"), 1)
    store.apply(events.Relay(state="connected", url="u"), 2)
    assert store.notice is not None
    assert "link to Ana" in store.notice.message
    store.apply(events.Relay(state="lost", url="u"), 3)
    assert store.notice is not None
    assert "connection to the relay was lost" in store.notice.message


def away(reason: str = "lost") -> events.PartnerAway:
    return events.PartnerAway(partner=ANA, reason=reason)


def test_who_is_away_is_counted_and_told_until_they_are_back() -> None:
    store = fed(paired(), away(), now=100)
    assert store.notice is not None
    assert store.notice.message == f"{ANA} is away."
    assert "continues when they are back" in store.notice.hint
    assert store.absence == "0:00"
    store.sample(142)
    assert store.absence == "0:42"
    assert store.partner == ANA
    store.apply(events.PartnerBack(partner=ANA), 143)
    assert store.notice is None
    assert store.absence == ""


OWN, TRACKER = "http://127.0.0.1:8421", "wss://tracker.example"


@pytest.mark.parametrize(
    ("happened", "state", "url"),
    [
        ([("connecting", ""), ("connecting", TRACKER), ("closed", TRACKER)], "connecting", ""),
        ([("connecting", ""), ("connected", TRACKER)], "connected", TRACKER),
        ([("connected", TRACKER), ("connecting", OWN)], "connected", TRACKER),
        ([("connected", TRACKER), ("connected", OWN)], "connected", OWN),
        ([("connected", OWN), ("connected", TRACKER), ("lost", OWN)], "connected", TRACKER),
        ([("connected", OWN), ("lost", OWN), ("closed", TRACKER)], "lost", OWN),
        ([("connecting", ""), ("connecting", OWN), ("closed", OWN)], "closed", OWN),
    ],
    ids=["looking", "a tracker", "opening", "both", "one lost", "lost", "none"],
)
def test_of_several_places_the_best_is_shown(
    happened: list[tuple[str, str]], state: str, url: str
) -> None:
    store = fed(*(events.Relay(state=each, url=at) for each, at in happened))
    assert (store.relay.state, store.relay.url) == (state, url)


def test_a_code_outlives_one_of_its_places() -> None:
    here = [events.Relay(state="connected", url=url) for url in (OWN, TRACKER)]
    store = fed(*here, events.Code(code="1-a-b", expires_seconds=600))
    store.apply(events.Relay(state="lost", url=OWN), 100.0)
    assert store.code is not None
    assert store.code.works(100.0)
    assert store.notice is None
    store.apply(events.Relay(state="lost", url=TRACKER), 100.0)
    assert not store.code.works(100.0)
    assert store.notice is not None


def test_a_relay_that_is_away_ends_nothing_and_is_told_once() -> None:
    store = fed(paired(), *receiving("r1"), events.Relay(state="connected", url="u"))
    told = []
    for event in (
        events.Relay(state="lost", url="u"),
        events.RelayAway(url="u", reason="The connection was lost."),
        away("relay"),
    ):
        store.apply(event, 1)
        assert store.notice is not None
        told.append(store.notice.message)
    assert set(told) == {"The relay is away; what is under way goes on."}
    assert store.running
    store.apply(events.Relay(state="connected", url="u"), 2)
    store.apply(events.PartnerBack(partner=ANA), 2)
    assert store.notice is None
    assert store.absence == ""


def test_who_is_gone_or_somebody_else_is_not_away() -> None:
    store = fed(paired(), away(), events.PartnerGone(partner=ANA, reason="lost"))
    assert store.absence == ""
    store.apply(away(), 1)
    store.apply(paired(), 2)
    assert store.absence == ""


FULL = events.Error(code="noSpace", message="The disk is full.", hint="", transfer="r1")


def test_trouble_with_a_transfer_is_over_once_it_goes_on() -> None:
    store = fed(paired(), *asked("r1"), FULL)
    assert store.notice is not None
    store.apply(phase("r1", TransferPhase.TRANSFERRING), 2)
    assert store.notice is None


def test_trouble_with_one_transfer_stays_while_another_goes_on() -> None:
    store = fed(paired(), *asked("r1"), FULL, *asked("r2"))
    store.apply(phase("r2", TransferPhase.TRANSFERRING), 2)
    assert store.notice is not None
    assert store.notice.message == "The disk is full."
    for event in arrived("r2"):
        store.apply(event, 3)
    assert store.notice.level is Level.GOOD  # news that is good takes its place


def test_trouble_with_a_command_is_over_once_that_goes_well() -> None:
    store = fed()
    store.failed("request", events.Error(code="badSource", message="No.", hint=""), 1)
    assert store.notice is not None
    store.went_well("share")
    assert store.notice is not None
    store.went_well("request")
    assert store.notice is None


def test_a_no_is_over_once_they_are_asked_again() -> None:
    out = Direction.SEND
    store = fed(*asked("s1", FILM, out), phase("s1", TransferPhase.DECLINED, out))
    assert store.notice is not None
    store.went_well("request")
    assert store.notice is None


def test_what_was_about_the_last_thing_done_goes_with_the_next() -> None:
    store = fed()
    store.add_notice(Level.INFO, "Nothing is chosen yet.")
    with store.doing("code"):  # begins by itself
        assert store.notice is not None
    with store.doing("request"):
        assert store.notice is None


def test_a_notice_says_when_and_is_old_after_a_minute() -> None:
    store = Store(lambda: "14:02")
    store.apply(FULL, 100)
    assert store.notice is not None
    assert (store.notice.at, store.notice.old) == ("14:02", False)
    store.sample(100 + OLD - 1)
    assert not store.notice.old
    store.sample(100 + OLD)
    assert store.notice.old
    store.apply(FULL, 200)  # once more is news again
    assert not store.notice.old


def test_messages_are_counted_until_somebody_looks() -> None:
    store = Store(lambda: "14:02")
    store.apply(paired(), 1)
    store.apply(events.Message(partner=ANA, text="x" * 300), 1)
    store.apply(events.Message(partner=ANA, text="mine", outgoing=True), 1)
    assert store.unread == 1
    assert store.notice is not None
    assert len(store.notice.message) < 80
    assert [line.at for line in store.talk] == ["14:02", "14:02"]
    store.read_talk()
    assert (store.unread, store.notice) == (0, None)


def test_pairing_clears_old_trouble_and_code() -> None:
    store = fed(
        events.Error(code="wrongCode", message="m", hint="h"),
        events.Code(code="7-apple-violin", expires_seconds=600),
        events.Message(partner="Bo", text="bye"),
        paired(),
    )
    assert (store.partner, store.notice, store.code) == (ANA, None, None)
    assert [line.text for line in store.talk] == ["bye", "Ana is here."]  # read or not, it stays


def test_rates_are_sampled_once_a_second_and_kept_in_bounds() -> None:
    store = fed(*receiving("r1"))
    for second in range(MAX_SAMPLES + 10):
        now = 101.0 + second
        store.apply(rate("r1", second, 0.5), now)
        store.sample(now)
        store.sample(now + 0.4)
    rates = store.detail("r1").rates
    assert len(rates) == MAX_SAMPLES
    assert rates[-1] == MAX_SAMPLES + 9


def upload(bytes_per_second: float) -> events.Event:
    return events.Upload(
        torrent="b" * 40,
        transfer="s1",
        uploaded="1 MB",
        upload_speed="1 MB/s",
        uploaded_bytes=1,
        upload_bytes_per_second=bytes_per_second,
    )


def told(bytes_per_second: float) -> events.Event:
    return events.ProgressUpdate(
        transfer="s1",
        downloaded="187 MB",
        download_speed="1 MB/s",
        progress=0.23,
        downloaded_bytes=1,
        download_bytes_per_second=bytes_per_second,
        time_remaining=74.0,
    )


def test_figures_that_come_without_a_byte_do_not_hide_a_stall() -> None:
    """Both sides go on telling figures while nothing moves."""
    store = fed(*receiving("r1"))
    for tick in range(1, 17):
        store.apply(rate("r1", 0.0, 0.63), 100 + tick / 4)
        assert store.rows["r1"].stalled is (tick / 4 >= STALL)
    assert store.rows["r1"].time_remaining is None
    store.apply(rate("r1", 5.0, 0.63), 105)  # a byte, though no piece is whole yet
    assert not store.rows["r1"].stalled


def test_a_rate_of_nothing_is_older_than_its_telling() -> None:
    """It is over the seconds that have to pass: nobody waits for them once more."""
    store = fed(*receiving("r1"))
    store.apply(rate("r1", 5e6, 0.7), 110)
    store.apply(rate("r1", 1e3, 0.7), 112.9)
    assert not store.rows["r1"].stalled
    store.apply(rate("r1", 0.0, 0.7), 113.2)
    assert store.rows["r1"].stalled


def test_what_is_sent_moves_where_either_side_sees_it_move() -> None:
    store = fed(*sending("s1"))
    store.apply(upload(0.0), 110)
    store.apply(told(5e6), 110)
    assert not store.rows["s1"].stalled
    store.apply(upload(5e6), 112)
    store.apply(told(0.0), 112)
    assert not store.rows["s1"].stalled
    store.apply(upload(0.0), 113)
    assert store.rows["s1"].stalled
    assert store.rows["s1"].time_remaining is None


def test_a_partner_who_is_silent_takes_nothing_whatever_goes_out() -> None:
    """What goes out fills buffers on the way for a while."""
    store = fed(*sending("s1"))
    store.apply(told(5e6), 110)
    store.apply(upload(5e6), 112.9)
    assert not store.rows["s1"].stalled
    store.apply(upload(5e6), 113)
    assert store.rows["s1"].stalled
    assert store.rows["s1"].time_remaining is None
    store.apply(told(5e6), 114)
    assert not store.rows["s1"].stalled


def test_a_stall_is_seen_where_nothing_comes_at_all() -> None:
    store = fed(*sending("s1"))
    for second in range(1, 5):
        store.sample(100 + second)
        assert store.rows["s1"].stalled is (second >= STALL)
    assert store.detail("s1").rates[-1] == 0


def test_a_no_to_everything_leaves_what_was_asked() -> None:
    store = fed(*asked("r1"), events.FileAnswer(transfer="r1", accepted=(False,) * 6))
    row = store.rows["r1"]
    assert (row.wanted_count, row.wanted_bytes) == (6, sum(entry.size for entry in PHOTOS))
    assert row.accepted == (False,) * 6


def test_a_transfer_without_figures_stands_still_until_the_next() -> None:
    store = fed(*receiving("r1"))
    store.sample(100 + STALL + 1)
    assert store.rows["r1"].stalled
    assert store.detail("r1").rates[-1] == 0
    store.apply(rate("r1", 5, 0.7), 110)
    assert not store.rows["r1"].stalled


def test_a_transfer_that_begins_without_any_figure_stands_still_too() -> None:
    begun = events.TransferState(
        transfer="r1", direction=events.Direction.RECEIVE, phase=events.TransferPhase.TRANSFERRING
    )
    store = fed(*asked("r1"), begun)
    store.sample(100 + STALL - 1)
    assert not store.rows["r1"].stalled
    store.sample(100 + STALL + 1)
    assert store.rows["r1"].stalled


def test_a_swarm_is_found_by_its_torrent_too() -> None:
    store = fed(
        *asked("r1"),
        events.Metadata(
            torrent="a" * 40,
            transfer="r1",
            name="holiday",
            files=PHOTOS,
            wanted=(True,) * 6,
            total_bytes=1,
        ),
        events.PeerConnected(torrent="a" * 40, address="x", client="y", road="direct"),
    )
    assert store.rows["r1"].road == "direct"


def test_what_goes_on_says_where() -> None:
    told = events.Metadata(
        torrent="a" * 40,
        transfer="r1",
        name="holiday",
        files=PHOTOS,
        wanted=(True,) * 6,
        total_bytes=100,
        wanted_bytes=100,
        resumed_bytes=43,
    )
    store = fed(*asked("r1"), told)
    assert store.notice is not None
    assert store.notice.message == "holiday continues at 43%."


def test_events_about_unknown_transfers_are_let_go() -> None:
    store = fed(
        phase("nobody", TransferPhase.DONE),
        rate("nobody", 1, 1),
        events.TorrentDone(transfer="nobody"),
        events.SwarmState(torrent="c" * 40, piece_count=1, piece_length=1, pieces=b"", peers=()),
    )
    assert store.transfers == ()
    assert store.details == {}


def test_old_ended_transfers_and_lines_are_forgotten() -> None:
    store = fed(*asked("running"))
    for number in range(MAX_ROWS + 5):
        for event in (*asked(f"t{number}", FILM), *arrived(f"t{number}")):
            store.apply(event, 1)
    assert len(store.rows) <= MAX_ROWS + 1
    assert "running" in store.rows
    for number in range(MAX_LINES + 5):
        store.apply(events.Message(partner=ANA, text=str(number)), 1)
    assert len(store.talk) == MAX_LINES
    assert store.talk[-1].text == str(MAX_LINES + 4)


def test_busy_lasts_as_long_as_the_command_also_when_it_fails() -> None:
    store = Store()
    with pytest.raises(ValueError), store.doing("join"):
        assert store.busy == {"join"}
        raise ValueError
    assert store.busy == set()


@pytest.mark.parametrize(
    ("paths", "name"),
    [
        (["a.txt"], "a.txt"),
        (["d/a", "d/b"], "d/"),
        (["d/a", "d/b", "big.iso"], "d and big.iso"),
        (["d/a", "e", "f"], "d, e and 1 more"),
        ([str(n) for n in range(1_002)], "0, 1 and 1,000 more"),
        ([], "files"),
    ],
)
def test_names(paths: list[str], name: str) -> None:
    assert name_of(tuple(FileEntry(path=path, size=1) for path in paths)) == name


def test_long_lists_of_files_are_forgotten_sooner() -> None:
    files = tuple(FileEntry(path=str(n), size=1) for n in range(MAX_ENTRIES // 4))
    store = fed()
    for number in range(20):
        request = events.FileRequest(
            transfer=f"r{number}",
            direction=Direction.RECEIVE,
            partner=ANA,
            files=files,
            total_bytes=len(files),
        )
        store.apply(request, 1.0)
        if number:
            store.apply(phase(f"r{number}", TransferPhase.CANCELLED), 1.0)
    assert [row.id for row in store.transfers] == ["r0", *(f"r{n}" for n in range(15, 20))]


def test_a_paused_transfer_has_no_rate_and_stands_still_by_intent() -> None:
    store = fed(*receiving("r1"), now=100.0)
    store.apply(pausing("r1", PausedBy.YOU), 101.0)
    store.apply(rate("r1", 9e6, 0.7), 102.0)  # what was on the way
    store.sample(120.0)
    row = store.rows["r1"]
    assert (row.progress, row.bytes_per_second, row.time_remaining) == (0.7, 0.0, None)
    assert row.paused_here
    assert not row.stalled
    assert store.notice is None
    store.apply(resumed("r1", PausedBy.YOU), 121.0)
    store.sample(122.0)
    row = store.rows["r1"]
    assert not row.paused
    assert not row.stalled, "it has STALL seconds from now on"


def test_what_the_partner_pauses_is_told_once_and_by_name() -> None:
    store = fed(*receiving("r1"), pausing("r1", PausedBy.PARTNER))
    assert store.notice is not None
    assert store.notice.message == f"{ANA} paused holiday/."
    assert store.notice.hint == "It goes on when they let it."
    store.dismiss()
    store.apply(pausing("r1", PausedBy.BOTH), 101.0)  # now you do
    store.apply(pausing("r1", PausedBy.PARTNER), 102.0)
    assert store.notice is None
    store.apply(resumed("r1", PausedBy.PARTNER), 103.0)
    assert store.notice.message == f"{ANA} lets holiday/ go on."


def test_a_paused_transfer_that_ends_is_paused_no_more() -> None:
    store = fed(*receiving("r1"), pausing("r1", PausedBy.PARTNER))
    store.apply(phase("r1", TransferPhase.CANCELLED), 101.0)
    assert not store.rows["r1"].paused


def test_what_stands_still_says_what_for_and_how_long_until_it_moves() -> None:
    store = fed(*receiving("r1"), *receiving("r2"), waiting("r1", 42.0))
    row = store.rows["r1"]
    assert row.waits == f"{ANA}'s machine sends nothing."
    assert row.waits_hint
    assert row.waited == "0:42"
    store.sample(103.0)
    assert store.rows["r1"].waited == "0:45"
    assert not store.rows["r2"].waits
    store.apply(events.WaitOver(transfer="r1", what="sending"), 104.0)
    store.sample(105.0)
    row = store.rows["r1"]
    assert (row.waits, row.waits_hint, row.waited) == ("", "", "")


def test_what_has_ended_waits_for_nothing() -> None:
    store = fed(*receiving("r1"), waiting("r1"), phase("r1", TransferPhase.CANCELLED))
    assert not store.rows["r1"].waits
    store.apply(waiting("r1"), 101.0)
    assert not store.rows["r1"].waits


def test_a_disk_that_is_waited_for_stands_in_the_row_until_it_is_back() -> None:
    waits = events.StorageWaits(
        torrent="t", transfer="r1", reason="full", message="The disk is full.", hint="Make room."
    )
    store = fed(*receiving("r1"), waits)
    store.sample(102.0)
    row = store.rows["r1"]
    assert (row.waits, row.waits_hint, row.waited) == ("The disk is full.", "Make room.", "0:02")
    store.apply(events.StorageBack(torrent="t", transfer="r1"), 103.0)
    assert not store.rows["r1"].waits


def test_files_that_the_partner_leaves_out_are_told() -> None:
    def left_out(*files: int) -> events.FilesPaused:
        return events.FilesPaused(transfer="s1", direction=out, partner=ANA, files=files)

    out = Direction.SEND
    store = fed(*sending("s1", PHOTOS), left_out(1, 2))
    assert store.rows["s1"].paused_files == (1, 2)
    assert store.notice is not None
    assert store.notice.message == f"{ANA} leaves out 2 files of holiday/ for now."
    store.apply(left_out(), 101.0)
    assert store.notice.message == f"{ANA} fetches all of holiday/ again."
    store.apply(left_out(3), 101.0)
    assert store.notice.message == f"{ANA} leaves out one file of holiday/ for now."
    store.apply(phase("s1", TransferPhase.DONE, out), 102.0)
    assert store.rows["s1"].paused_files == ()


@pytest.mark.parametrize(("by", "name"), [(Who.YOU, "You"), (Who.PARTNER, ANA)])
def test_who_cancelled_is_told_by_name(by: Who, name: str) -> None:
    state = events.TransferState(
        transfer="r1", direction=Direction.RECEIVE, phase=TransferPhase.CANCELLED, by=by
    )
    store = fed(*receiving("r1"), state)
    assert store.notice is not None
    assert store.notice.message == f"{name} cancelled holiday/."
    assert store.rows["r1"].ended_by is by


def test_what_waits_for_others_does_not_stand_still() -> None:
    store = fed(*sending("s1"), queued("s1", 2), now=100.0)
    store.sample(150.0)
    row = store.rows["s1"]
    assert (row.queued, row.stalled, row.bytes_per_second) == (2, False, 0.0)
    store.apply(queued("s1", 0), 151.0)
    store.sample(152.0)
    assert not store.rows["s1"].stalled, "it has STALL seconds from now on"
    store.apply(queued("s1", 1), 153.0)
    store.apply(phase("s1", TransferPhase.DONE, Direction.SEND), 154.0)
    assert store.rows["s1"].queued == 0
