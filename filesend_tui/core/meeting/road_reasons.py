"""Why a file takes the road it takes, and no better one: facts in, sentences out. Pure.

The facts are what each transport of a race found out (transports/clues.py). No text of a peer is
among the sentences. When they are told is the dialer's and the roster's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from filesend_tui.core.transports.clues import Clue, Outcome, Tried

#: The port that is proposed where the settings name none.
PORT: Final = 4040

#: What becomes of a file, by the transport that is taken and the road of its channel.
_CARRIED: Final = {
    ("relayed", "relayed"): "the relay carries it",
    ("webrtc", "relayed"): "a TURN server carries it",
    ("webrtc", "webrtc"): "it goes through WebRTC",
}

_OUR_PORT: Final = "Port forwarding of {port} would make it direct."
_OTHER_RELAY: Final = (
    "A relay that carries bytes (not run with --transit off) would let it through."
)
_ANY_PORT: Final = "Port forwarding of {port} on either side would make it direct."


class Reason(NamedTuple):
    """Why there is no better road, and what to do about it; both empty where it is the best."""

    message: str
    hint: str


class _Rule(NamedTuple):
    """Holds where all these clues are known. why: half a sentence; hint: a whole one.

    late: The clues mean little before the attempt has ended.
    """

    clues: frozenset[Clue]
    why: str
    hint: str
    late: bool = False


def _rule(*clues: Clue, why: str, hint: str = "", late: bool = False) -> _Rule:
    return _Rule(frozenset(clues), why, hint, late)


#: The first that holds is told.
RULES: Final = (
    _rule(
        Clue.SHOWS_ADDRESS_HERE,
        why="relay_only in your settings hides this machine's address",
        hint="Without relay_only it may go directly.",
    ),
    _rule(
        Clue.PROXY_HERE,
        why="this machine reaches the relay by a proxy, and nothing goes around that",
        hint="With --road direct or --road webrtc it would.",
    ),
    _rule(
        Clue.LEFT_OUT_HERE,
        why="your settings leave better roads out",
        hint="With --road auto they are tried.",
    ),
    _rule(
        Clue.PORTS_CHANGE_HERE,
        Clue.PORTS_CHANGE_THERE,
        why="both routers give a new port to everyone",
        hint=_ANY_PORT,
    ),
    _rule(
        Clue.OTHER_FAMILY,
        why="one of the two machines has IPv4 only, and the other one IPv6 only",
        hint="IPv6 on both sides would make it direct.",
    ),
    _rule(
        Clue.PORTS_CHANGE_HERE,
        why="your router gives a new port to everyone, and theirs lets in only whom it expects",
        hint=_OUR_PORT,
    ),
    _rule(
        Clue.PORTS_CHANGE_THERE,
        why="their router gives a new port to everyone, and yours lets in only whom it expects",
        hint=_ANY_PORT,
    ),
    _rule(
        Clue.UNUSABLE_HERE,
        why="this machine cannot use a better road ({said})",
        hint="See what `filesend doctor` says.",
    ),
    _rule(
        Clue.LEFT_OUT_THERE,
        why="the other side offers no better road",
        hint="Their settings may leave it out: ask them for --road auto.",
    ),
    _rule(
        Clue.NO_ADDRESS_THERE,
        why="the other machine names no address",
        hint="Ask them for what `filesend doctor` says.",
    ),
    _rule(
        Clue.NO_UDP_HERE,
        Clue.NO_UDP_THERE,
        why="neither machine lets the other in, and UDP seems to be blocked on both sides",
        hint=_ANY_PORT,
    ),
    _rule(
        Clue.NO_UDP_HERE,
        why="neither machine lets the other in, and UDP seems to be blocked here",
        hint=_OUR_PORT,
    ),
    _rule(
        Clue.NO_UDP_THERE,
        why="neither machine lets the other in, and UDP seems to be blocked at the other side",
        hint=_ANY_PORT,
    ),
    *(
        _rule(
            clue,
            why="a router or a firewall is in between, and neither machine lets the other in",
            hint=_ANY_PORT,
            late=True,
        )
        for clue in (Clue.REFUSED, Clue.NO_ANSWER)
    ),
    _rule(
        Clue.NO_ROUTE,
        why="there is no way from here to the addresses of the other machine",
        hint=_ANY_PORT,
        late=True,
    ),
)

_PHRASES: Final = {
    Clue.LEFT_OUT_HERE: "your settings leave it out",
    Clue.SHOWS_ADDRESS_HERE: "relay_only leaves it out",
    Clue.PROXY_HERE: "it would go around the proxy",
    Clue.LEFT_OUT_THERE: "the other side does not offer it",
    Clue.UNUSABLE_HERE: "this machine cannot use it",
    Clue.NO_ADDRESS_THERE: "the other side names no address",
    Clue.OTHER_FAMILY: "one side has IPv4 only, the other IPv6 only",
    Clue.PORTS_CHANGE_HERE: "your router changes ports",
    Clue.PORTS_CHANGE_THERE: "their router changes ports",
    Clue.REFUSED: "refused",
    Clue.NO_ANSWER: "no answer",
    Clue.NO_ROUTE: "no way there",
    Clue.NO_UDP_HERE: "no STUN server answers here",
    Clue.NO_UDP_THERE: "no STUN server answers at the other side",
    Clue.NO_TRANSIT: "the relay carries no bytes",
}

_OUTCOMES: Final = {
    Outcome.TAKEN: "in use",
    Outcome.GOING_ON: "still tried",
    Outcome.LATE: "not there in time",
    Outcome.FAILED: "failed",
    Outcome.LEFT_OUT: "not tried",
}


def why_not_better(road: str, tried: Sequence[Tried]) -> Reason:
    """Return why a file goes over this road of the transport that was taken.

    Args:
        road: The channel's.
        tried: See `better_than`.
    """
    taken = next((each for each in tried if each.outcome is Outcome.TAKEN), None)
    better = [each for each in tried if each is not taken]
    if taken is None or not better:
        return Reason("", "")
    carried = _CARRIED.get((taken.road, road), "it goes this way")
    rule = _first_rule(better)
    if rule is not None:
        said = next((each.said.rstrip(".") for each in better if each.said), "")
        why = rule.why.replace("{said}", said).replace(" ()", "")
        return Reason(_sentence(f"{why}, so {carried}"), rule.hint.replace("{port}", _port(better)))
    if any(each.outcome is Outcome.GOING_ON for each in better):
        return Reason(_sentence(f"better roads are still tried, and meanwhile {carried}"), "")
    if all(each.outcome is Outcome.LATE for each in better):
        return Reason(_sentence(f"no better road was there in time, so {carried}"), "")
    return Reason(_sentence(f"no better road got through, so {carried}"), "")


def none_got_through(tried: Sequence[Tried]) -> Reason:
    """Return what became of each road, as a clause, where none led to a peer; and what would help.

    The hint is empty where nothing is known.
    """
    said = "; ".join(f"{each.road} {outcome_words(each)}" for each in tried)
    rule = _first_rule(tried)
    hint = rule.hint.replace("{port}", _port(tried)) if rule is not None else ""
    if any(Clue.NO_TRANSIT in each.clues for each in tried):
        hint = f"{_OTHER_RELAY} {hint}".strip()
    return Reason(f"{said}.", hint)


def _first_rule(tried: Sequence[Tried]) -> _Rule | None:
    known = frozenset().union(*(each.clues for each in tried))
    ended = frozenset().union(
        *(each.clues for each in tried if each.outcome is not Outcome.GOING_ON)
    )
    return next((rule for rule in RULES if rule.clues <= (ended if rule.late else known)), None)


def outcome_words(tried: Tried) -> str:
    """Return what became of one road in a few words, such as `failed: refused`."""
    about = [_PHRASES[clue] for clue in Clue if clue in tried.clues]
    if tried.outcome is Outcome.TAKEN:
        about = []
    elif not about and tried.said:
        about = [tried.said.rstrip(".")]
    said = _OUTCOMES[tried.outcome]
    return f"{said}: {', '.join(about)}" if about else said


def better_than(
    name: str, tried: Iterable[Tried], order: Sequence[str], *, waits: bool
) -> tuple[Tried, ...]:
    """Return what became of one transport and of all better ones, the best first.

    Args:
        name: The one that is taken.
        tried: What became of any, one each.
        order: All names, the best first.
        waits: Whether better ones are still waited for.
    """
    places = {each: place for place, each in enumerate(order)}
    least = places.get(name, len(order))
    kept = [each for each in tried if places.get(each.road, len(order)) <= least]
    if not waits:
        kept = [
            each._replace(outcome=Outcome.LATE) if each.outcome is Outcome.GOING_ON else each
            for each in kept
        ]
    return in_order(kept, order)


def in_order(tried: Iterable[Tried], order: Sequence[str]) -> tuple[Tried, ...]:
    """Return them the best first. order: all names, the best first."""
    places = {each: place for place, each in enumerate(order)}
    return tuple(sorted(tried, key=lambda each: places.get(each.road, len(order))))


def updated(before: Sequence[Tried], now: Iterable[Tried]) -> tuple[Tried, ...]:
    """Return what is known with what a later look, or another race, found out.

    The one that is taken stays so; what failed before and is tried again has failed so far.
    """
    found = {each.road: each for each in now}
    return tuple(_later(each, found.get(each.road, each)) for each in before)


def _later(before: Tried, now: Tried) -> Tried:
    told = now.outcome in {Outcome.FAILED, Outcome.LEFT_OUT}
    if before.outcome is Outcome.GOING_ON:
        return now if told or now.outcome is Outcome.GOING_ON else before
    return now if told and before.outcome is Outcome.FAILED else before


def _port(better: Iterable[Tried]) -> str:
    port = next((each.port for each in better if each.port), 0)
    if port:
        return f"{port}"
    return f"{PORT} (with direct_port = {PORT})"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
