"""The page's code, in node, pairs with `filesend` and with itself through a real relay."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path

from tests.e2e.processes import Filesend, World, fill
from tests.interop.line_process import Line, LineProcess
from tests.web.conftest import TIMEOUT, Person


def paired(person: LineProcess) -> Line:
    return person.wait("paired", TIMEOUT)


def refused(person: LineProcess) -> Line:
    return person.wait("refused", TIMEOUT)


def heard(person: LineProcess, word: str) -> Line:
    content: Line = person.wait(
        lambda line: line["event"] == "heard" and line["word"] == word, TIMEOUT
    )["content"]
    return content


def verifying(world: World, *arguments: str | Path) -> Filesend:
    return world.start(*arguments, "--json", "--verify", stdin=subprocess.PIPE)


def say_yes(side: Filesend) -> None:
    assert side.process.stdin is not None
    side.process.stdin.write("yes\n")
    side.process.stdin.close()


def test_it_joins_by_the_code_of_somebody_who_sends(
    world: World, person: Person, tmp_path: Path
) -> None:
    sender = verifying(world, "send", fill(tmp_path / "a.bin", 1000))
    page = person("page")
    page.tell(do="join", code=f" “{sender.wait_for('code')['code'].upper()}” ", wants="receive")

    agreed = paired(page)
    assert (agreed["name"], agreed["wants"]) == ("Ann", "send")
    told = sender.wait_for("paired")
    assert (told["partner"], told["wants"]) == ("Page", "receive")
    assert sender.wait_for("verification")["words"] == agreed["verification"]
    # Sealed words open from here on: what was asked, and that the page leaves.
    say_yes(sender)
    (file,) = heard(page, "fileRequest")["files"]
    assert (file["path"], file["size"]) == ("a.bin", 1000)
    page.tell(do="leave")
    assert sender.wait_for("partnerGone")["reason"] == "left"
    assert sender.end() == 6, sender.report()


def test_words_go_both_ways_and_each_is_taken_once(
    world: World, person: Person, tmp_path: Path
) -> None:
    sender, code = world.send(fill(tmp_path / "a.bin", 1000))
    page = person("page")
    page.tell(do="join", code=code, wants="receive")
    request = heard(page, "fileRequest")
    said = ["one", "two ✓", "three" * 500]
    for text in said:
        page.tell(do="say", word="message", content={"text": text})
    refusal = {"id": request["id"], "accepted": [False], "reason": "not today"}
    page.tell(do="say", word="fileAnswer", content=refusal)
    assert sender.wait_for("fileAnswer")["accepted"] == [False]
    heard(page, "goodbye")
    assert sender.end() != 0
    assert sender.phases()[-1] == "declined"
    told = [event["text"] for event in sender.events if event["event"] == "message"]
    assert told == said


def test_somebody_joins_by_a_code_that_it_makes(
    world: World, person: Person, tmp_path: Path
) -> None:
    page = person("page")
    page.tell(do="make", wants="send")
    code = page.wait("code", TIMEOUT)["code"]
    receiver = verifying(world, "receive", code, "--yes", "--name", "Bob", "-o", tmp_path / "to")

    agreed = paired(page)
    assert (agreed["name"], agreed["wants"]) == ("Bob", "receive")
    told = receiver.wait_for("paired")
    assert (told["partner"], told["wants"]) == ("Page", "send")
    assert receiver.wait_for("verification")["words"] == agreed["verification"]


def test_other_words_are_a_wrong_code_on_both_sides(
    world: World, person: Person, tmp_path: Path
) -> None:
    sender, code = world.send(fill(tmp_path / "a.bin", 1000))
    number, *words = code.split("-")
    page = person("page")
    page.tell(do="join", code="-".join((number, *reversed(words))))
    assert refused(page)["code"] == "wrongCode"
    assert sender.wait_for("error")["code"] == "wrongCode"
    assert sender.end() != 0


def test_two_of_it_pair_by_a_secret(person: Person) -> None:
    secret = secrets.token_hex(32)
    maker, joiner = person("maker"), person("joiner")
    maker.tell(do="meet", secret=secret)
    assert maker.wait("met", TIMEOUT)["joined"] is False
    joiner.tell(do="meet", secret=secret)
    assert joiner.wait("met", TIMEOUT)["joined"] is True
    assert paired(maker)["verification"] == paired(joiner)["verification"]
    joiner.tell(do="leave")
    assert heard(maker, "goodbye") == {}
    assert refused(maker)["code"] == "partnerGone"


def test_it_says_why_there_is_nobody(person: Person) -> None:
    page = person("page")
    page.tell(do="join", code="99999999-apple-violin")
    told = refused(page)
    assert (told["code"], told["detail"]) == ("relayRefused", "unknownCode")


def test_a_partner_that_is_lost_while_it_could_guess_counts_as_a_guess(person: Person) -> None:
    page, other = person("page"), person("other")
    page.tell(do="make")
    number, *words = page.wait("code", TIMEOUT)["code"].split("-")
    other.tell(do="join", code="-".join((number, *reversed(words))))
    # The other finds out first, and is gone without another word.
    assert refused(other)["code"] == "wrongCode"
    other.close()
    assert refused(page)["code"] == "wrongCode"
