"""`filesend relay status`: real relays, and what only answers in the place of one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from filesend_tui.core import relay_status as asking
from filesend_tui.core.relay_status import MAX_ANSWER, MAX_FIGURES, figures_of
from filesend_tui.core.util.proxies import NO_PROXIES
from filesend_tui.headless.exit_codes import ExitCode
from filesend_tui.headless.relays import status as relay_status
from tests.conftest import running_relay

HEALTH = b'{"service":"filesend-relay","version":"1.2\\u001b[2J"}'

Answer = Callable[[str], tuple[int, bytes] | None]


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """A server that answers a path with a status and a body; None: it hangs until the end."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = answer(self.path)
            if told is None:
                over.wait(30)
                return
            self.send_response(told[0])
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(told[1])

        def log_message(self, *_: object) -> None: ...

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{serving.server_address[1]}"
    finally:
        over.set()
        serving.shutdown()
        serving.server_close()


def test_a_relay_tells_what_it_has_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with running_relay() as relay:
        assert relay_status.run(relay.url, NO_PROXIES, json=False) is ExitCode.DONE
        text = capsys.readouterr().out
        assert relay_status.run(relay.url, NO_PROXIES, json=True) is ExitCode.DONE
        (line,) = capsys.readouterr().out.splitlines()
    assert text.startswith(f"The relay at {relay.url} answers in ")
    assert "0  people connected" in text
    told = json.loads(line)
    assert (told["event"], told["url"]) == ("relayStatus", relay.url)
    assert told["figures"]["people"] == 0
    assert told["figures"]["connections"] == 1  # this one


def test_one_that_shows_its_figures_to_others_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with running_relay(metrics_to=["10.1.2.3"]) as relay:
        assert relay_status.run(relay.url, NO_PROXIES, json=False) is ExitCode.DONE
        assert "--metrics-to" in capsys.readouterr().out
        assert relay_status.run(relay.url, NO_PROXIES, json=True) is ExitCode.DONE
        assert json.loads(capsys.readouterr().out)["figures"] is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: (200, b"hello"), "is no relay"),
        (lambda _: (200, b'{"service": "other"}'), "is no relay"),
        (lambda _: (302, b""), "is no relay"),
        (lambda _: (200, b"[" * 100_000), "is no relay"),
    ],
    ids=["a page", "another service", "it leads elsewhere", "nested"],
)
def test_what_is_no_relay_is_said(
    capsys: pytest.CaptureFixture[str], answer: Answer, said: str
) -> None:
    with server(answer) as url:
        assert relay_status.run(url, NO_PROXIES, json=True) is ExitCode.RELAY_UNREACHABLE
    told = json.loads(capsys.readouterr().out)
    assert (told["event"], told["code"]) == ("error", "relayUnreachable")
    assert said in told["message"]


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_one_that_hangs_is_given_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(asking, "TIMEOUT", 0.3)
    with server(lambda asked: None if asked == path else (200, HEALTH)) as url:
        assert relay_status.run(url, NO_PROXIES, json=False) is ExitCode.RELAY_UNREACHABLE
    assert "Nothing answers" in capsys.readouterr().err


@pytest.mark.parametrize(
    "metrics",
    [
        b"\xff\x00{}{}{",
        b'filesend_relay_people{a="\\x1b[2J\xe2\x80\xae"} 3\n' * 10,
        b"filesend_relay_people NaN\nfilesend_relay_pairs 1e999\n",
        b"".join(b"filesend_relay_a%d 1\n" % n for n in range(50_000)),
        b"filesend_relay_people 1\n" * 100_000,
    ],
    ids=["bytes", "control characters", "no numbers", "many", "long"],
)
def test_figures_that_make_no_sense_harm_nobody(
    capsys: pytest.CaptureFixture[str], metrics: bytes
) -> None:
    figures = figures_of(metrics[:MAX_ANSWER])
    assert len(figures) <= MAX_FIGURES
    assert all(name.isprintable() for name in figures)
    with server(lambda path: (200, HEALTH if path == "/healthz" else metrics)) as url:
        assert relay_status.run(url, NO_PROXIES, json=False) is ExitCode.DONE
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_labels_are_summed_for_people_and_kept_apart_in_json() -> None:
    text = b'filesend_relay_refused_words_total{code="x"} 2\nfilesend_relay_people 1234\n'
    figures = figures_of(text + b'filesend_relay_refused_words_total{code="y"} 3\nother 7\n')
    assert figures == {
        "refused_words_total{x}": 2,
        "refused_words_total{y}": 3,
        "people": 1234,
    }
    lines = relay_status.lines_of(
        asking.RelayStatus(url="http://a", version="1", seconds=0.0124, figures=figures)
    )
    assert lines[0] == "The relay at http://a answers in 12 ms; its version is 1."
    assert "       1,234  people connected" in lines
    assert "           5  words refused" in lines
