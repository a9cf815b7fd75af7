"""What the tests need beside Python packages: node, npm modules, Chromium; servers; networks.

`make interop-deps` installs what is missing, the system's parts by apt-get where this is root; CI
begins with it. The tests install the npm modules themselves and leave the system alone: what is
missing there fails the interop tests, and those of the page (web/), with a sentence, and never
skips them. Those of proxies, of TURN and of stores are left out without a server, which in CI is a
failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from tools import page

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
#: The page's TypeScript, with npm modules of its own.
WEB = HERE.parents[1] / "web"
#: playwright-core asks for it.
NODE_VERSION = 20
#: Each program, and Debian's package of it.
_PROXIES = {"nginx": "nginx-light", "caddy": "caddy"}
_TURN = {"turnserver": "coturn"}
_STORES = {"redis-server": "redis-server"}
_SERVERS = {**_PROXIES, **_TURN, **_STORES}
#: Likewise of the NAT lab, and of tests/chaos.
_NETWORKS = {"nft": "nftables", "ip": "iproute2"}
_FIREFOXES = ("firefox-esr", "firefox")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Missing(Exception):
    """Something is not there and may not or cannot be installed; the text says what to do."""


def ensure(*, system: bool) -> Path:
    """Install what is missing; return the browser to run.

    Args:
        system: Whether apt-get may be used.

    Raises:
        Missing: As it says.
    """
    with FileLock(HERE / ".deps.lock"):
        _ensure_node(system=system)
        _ensure_modules(HERE)
        return _ensure_browser(system=system)


def ensure_firefox(*, system: bool) -> Path:
    """Install Firefox where there is none; return it. Raises Missing as `ensure`."""
    if not any(map(shutil.which, _FIREFOXES)):
        _apt_get("firefox-esr", allowed=system)
    return Path(next(path for path in map(shutil.which, _FIREFOXES) if path))


def ensure_web() -> None:
    """Install what the page is built with, build it, and compile it with its tests into web/build.

    Raises:
        Missing: As it says; also where it does not compile.
    """
    with FileLock(HERE / ".deps.lock"):
        _ensure_node(system=False)
        _ensure_modules(WEB)
        # A file that went is no test any more.
        shutil.rmtree(WEB / "build", ignore_errors=True)
        done = _npm(WEB, "run", "--silent", "compile")
        if done.returncode:
            raise Missing(f"web/ does not compile:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
        try:
            page.build()
        except page.Missing as missing:
            raise Missing(str(missing)) from None


def server(kind: str) -> str | None:
    """Return the program of a server where it is installed, such as nginx or redis-server."""
    # Debian keeps servers where not everybody's path leads.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"])
    return shutil.which(kind, path=path)


def ensure_networks() -> None:
    """Install what networks of tests are made with, as root on Linux; elsewhere do nothing."""
    missing = [package for tool, package in _NETWORKS.items() if shutil.which(tool) is None]
    if missing and sys.platform == "linux" and os.geteuid() == 0:
        _apt_get(*missing, allowed=True)


def ensure_servers() -> None:
    """Install what is missing of them, by apt-get. Raises Missing where that cannot be."""
    missing = [kind for kind in _SERVERS if server(kind) is None]
    if missing:
        if shutil.which("systemctl"):  # nobody wants a server of a test's to run for ever
            services = [_TURN.get(kind, kind) for kind in missing]
            subprocess.run(["systemctl", "--quiet", "mask", *services], check=False)
        _apt_get(*(_SERVERS[kind] for kind in missing), allowed=True)


def _ensure_node(*, system: bool) -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        _apt_get("nodejs", "npm", allowed=system)
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.lstrip("v").split(".")[0]) < NODE_VERSION:
        raise Missing(f"The interop tests need node {NODE_VERSION} or newer; this is {said}")


def _ensure_modules(folder: Path) -> None:
    try:
        page.install_modules(folder, page.find_node())
    except page.Missing as missing:
        raise Missing(str(missing)) from None


def _npm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    npm = shutil.which("npm")
    assert npm
    return subprocess.run(
        [npm, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def _ensure_browser(*, system: bool) -> Path:
    if chosen := os.environ.get("FILESEND_CHROMIUM"):
        return Path(chosen)
    if not any(map(shutil.which, _BROWSERS)):
        _apt_get("chromium", allowed=system)
    return Path(next(path for path in map(shutil.which, _BROWSERS) if path))


def _apt_get(*packages: str, allowed: bool) -> None:
    names = " ".join(packages)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not (allowed and root and shutil.which("apt-get")):
        raise Missing(
            f"The tests need {names}. Install it (on Debian: apt-get install {names}, or "
            "make interop-deps as root); another browser is named by FILESEND_CHROMIUM."
        )
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    try:
        browsers = f"{ensure(system=True)} and {ensure_firefox(system=True)}"
        print(f"The interop tests are ready; their browsers are {browsers}.")
        ensure_web()
        print("The page is ready to be tested.")
        ensure_servers()
        ensure_networks()
        print(f"Relays can be tried with {', '.join(_SERVERS)}.")
    except Missing as missing:
        sys.exit(str(missing))
