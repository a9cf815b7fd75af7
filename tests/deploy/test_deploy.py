"""deploy/: what runs a relay for many, as its programs read it, and against a real relay."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import typer
import yaml
from prometheus_client.parser import text_string_to_metric_families

from filesend_tui.cli.root import cli
from filesend_tui.settings.schema import SETTINGS
from tests.conftest import RunningRelay
from tests.interop import deps

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file())
UNIT = DEPLOY / "filesend-relay.service"
#: What a unit may be exposed to, of 10, as systemd rates it.
EXPOSURE = 2.0
_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="it is for Linux alone")


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all(read(name)))


def command_lines() -> Iterator[tuple[str, Sequence[str]]]:
    """The arguments of `filesend relay` in each file."""
    (line,) = re.findall(r"^ExecStart=(.+)$", read(UNIT.name), re.MULTILINE)
    program, *arguments = shlex.split(line)
    assert (program, arguments[0]) == ("/opt/filesend/bin/filesend", "relay")
    yield UNIT.name, arguments[1:]
    (text,) = re.findall(r"^CMD (\[.+\])$", read("Containerfile"), re.MULTILINE)
    yield "Containerfile", json.loads(text)
    container = documents("kubernetes.yaml")[0]["spec"]["template"]["spec"]["containers"][0]
    yield "kubernetes.yaml", container["args"]


@pytest.mark.parametrize(("name", "arguments"), command_lines(), ids=lambda each: str(each)[:20])
def test_filesend_knows_the_options(name: str, arguments: Sequence[str]) -> None:
    del name
    root: Any = typer.main.get_command(cli)
    context = root.commands["relay"].make_context("relay", list(arguments), obj={})
    assert context.args == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_filesend_knows_the_variables(path: Path) -> None:
    known = {setting.variable for setting in SETTINGS}
    assert set(re.findall(r"FILESEND_[A-Z_]*[A-Z]", path.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("name", ["grafana-dashboard.json", "prometheus-alerts.yaml"])
def test_a_relay_has_the_figures(name: str, relay: RunningRelay) -> None:
    with urlopen(f"{relay.url}/metrics") as answer:
        text = answer.read().decode()
    # A counter is named without its ending, and has no sample before it counts.
    known = {family.name for family in text_string_to_metric_families(text)}
    used = set(re.findall(r"filesend_relay_[a-z_]+", read(name)))
    assert used
    assert {each.removesuffix("_total") for each in used} <= known


def test_the_autoscaler_counts_people() -> None:
    (scaler,) = [e for e in documents("kubernetes.yaml") if e["kind"].endswith("Autoscaler")]
    (metric,) = scaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "filesend_relay_people"


@_LINUX
def test_systemd_lets_the_relay_do_next_to_nothing() -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd here")
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=True,
    )
    rated = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert rated, done.stdout
    assert float(rated[1]) <= EXPOSURE


@_LINUX
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd here")
    unit = tmp_path / UNIT.name
    # The program of the unit is not here.
    unit.write_text(read(UNIT.name).replace("/opt/filesend/bin/filesend", "/bin/true"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert UNIT.name not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr


@_LINUX
def test_the_containerfile_is_as_it_should_be() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [linter, "--no-color", DEPLOY / "Containerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@_LINUX
def test_the_container_is_built_where_an_engine_runs() -> None:
    engine = next((each for each in ("podman", "docker") if shutil.which(each)), None)
    if (
        engine is None
        or subprocess.run([engine, "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no container engine runs here")
    command = [str(engine), "build", "--file", str(DEPLOY / "Containerfile"), str(DEPLOY.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@_LINUX
def test_caddy_takes_its_file(tmp_path: Path) -> None:
    program = deps.server("caddy")
    if program is None:
        pytest.skip("there is no caddy here: make interop-deps installs it, as root on Debian")
    done = subprocess.run(
        [program, "validate", "--config", DEPLOY / "Caddyfile", "--adapter", "caddyfile"],
        env={"SITE": "relay.example", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_service_may_write_nothing_and_has_no_capability_that_it_does_not_need() -> None:
    (compose,) = documents("compose.yaml")
    for name, service in compose["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert "cap_add" not in compose["services"]["relay"]
    # Nobody reaches Redis but the relay.
    assert compose["services"]["redis"]["networks"] == ["back"]
    assert compose["networks"]["back"] == {"internal": True}
    assert "ports" not in compose["services"]["redis"]


def test_the_relay_of_the_compose_file_trusts_the_network_of_caddy_alone() -> None:
    (compose,) = documents("compose.yaml")
    trusted = compose["services"]["relay"]["environment"]["FILESEND_TRUSTED_PROXIES"]
    assert compose["networks"]["front"]["ipam"]["config"] == [{"subnet": trusted}]
    assert compose["services"]["caddy"]["networks"] == ["front"]
