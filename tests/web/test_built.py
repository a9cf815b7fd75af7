"""The page as it is built: small, and each file that it loads is named by its hash."""

from __future__ import annotations

import gzip
import hashlib
import re
from base64 import b64encode
from pathlib import Path

import pytest

from tests.conftest import RunningRelay
from tests.relay.web.test_page import Answer


@pytest.mark.usefixtures("build")
def test_what_is_built_names_the_hash_of_all_that_it_loads(relay: RunningRelay) -> None:
    html = Answer(relay, "/r").body.decode()
    loaded = re.findall(r'(?:src|href)="\./(assets/[^"]+)" integrity="sha384-([^"]+)"', html)
    assert {Path(path).suffix for path, _ in loaded} == {".js", ".css"}
    assert len(loaded) == html.count("assets/")
    for path, digest in loaded:
        content = Answer(relay, f"/{path}").body
        assert b64encode(hashlib.sha384(content).digest()).decode() == digest
    # What its policy would not let it do.
    assert not re.search(r"<style|style=|\son\w+=|<script>", html)


def test_it_is_small(build: Path) -> None:
    built = build.parents[1] / "relay" / "web" / "built"
    sizes = {
        each.name: len(gzip.compress(each.read_bytes()))
        for each in built.rglob("*")
        if each.is_file()
    }
    assert sum(sizes.values()) < 300_000, sizes
