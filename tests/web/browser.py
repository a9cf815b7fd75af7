"""Somebody with a browser and nothing else, at the page that a relay serves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from tests.interop.kinds import PEERS
from tests.interop.line_process import LineProcess

#: Seconds for anything to happen: for a machine that is busy with other tests.
TIMEOUT = 120.0


class Browser:
    """A real browser with one page, until `close`.

    Args:
        program: The browser.
        folder: For its downloads and its log.
        driver: What drives it, of tests/interop/peers.
        inside: The command by which it runs in a network of its own.
    """

    def __init__(
        self,
        program: Path,
        folder: Path,
        driver: str = "web_page.mjs",
        inside: Sequence[str] = (),
    ) -> None:
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True)
        argv: list[str | Path] = [*inside, "node", PEERS / driver, program, self.downloads]
        self.process = LineProcess("browser", argv, log=folder / "browser.log")
        self.process.wait("ready", TIMEOUT)
        self._numbers = count()
        self._forgiven: list[str] = []

    def do(self, deed: str, **how: Any) -> Any:
        """Have it do something, and return what came of it; see peers/web_page.mjs."""
        number = next(self._numbers)
        self.process.tell(n=number, do=deed, **how)
        line = self.process.wait(
            lambda said: said.get("n") == number and said["event"] in ("did", "refused"), TIMEOUT
        )
        assert line["event"] == "did", f"{line['message']}\n{self.process.report()}"
        return line["value"]

    def open(self, url: str) -> int:
        """Go to an address; return the status of its answer, 0 where it has none."""
        return int(self.do("open", url=url) or 0)

    def shows(self, text: str) -> str:
        """Wait until the page shows a text; return all that it shows."""
        return str(self.do("shows", text=text))

    def click(self, name: str) -> None:
        """Press a button by its name."""
        self.do("click", name=name)

    def code(self) -> str:
        """Return the code that it shows."""
        return str(self.do("text", at="#code"))

    def join(self, code: str) -> None:
        """Type somebody's code."""
        self.do("fill", at="#theirs", text=code)
        self.click("Pair")

    def saved(self, files: int) -> dict[str, bytes]:
        """Return what it has put among the person's downloads, once there are so many."""
        self.process.wait(lambda _: len(self._downloaded()) >= files, TIMEOUT)
        return {each["name"]: Path(each["path"]).read_bytes() for each in self._downloaded()}

    def forgive(self, text: str) -> None:
        """Take no offence at complaints with this in them: that no relay was there, say."""
        self._forgiven.append(text)

    def complaints(self) -> list[str]:
        """Return what it said of faults of the page, or of what its policy forbids."""
        told = [
            each["message"]
            for each in self.process.lines
            if each["event"] in ("failed", "complained")
        ]
        return [each for each in told if not any(text in each for text in self._forgiven)]

    def close(self) -> None:
        """End it."""
        self.process.close()

    def _downloaded(self) -> list[dict[str, Any]]:
        return [each for each in self.process.lines if each["event"] == "downloaded"]
