"""Kinds of transports are named in one place: the registry. A new one touches nothing above it."""

from __future__ import annotations

import grimp

CORE = "filesend_tui.core"
TRANSPORTS = f"{CORE}.transports"
#: Asks whether WebRTC in machine code is installed, for whoever chooses it in the settings.
DOOR = f"{CORE}.checks"
#: Looks at what the direct road needs of this network.
DOCTOR = f"{CORE}.doctor"
#: What several kinds are made of, and is none itself.
SHARED = {"tls"}


def kind_of(module: str) -> str | None:
    """Return the kind in whose package a module is."""
    rest = module.removeprefix(f"{TRANSPORTS}.")
    kind, _, inner = rest.partition(".")
    return kind if rest != module and inner and kind not in SHARED else None


def test_only_the_registry_knows_the_kinds() -> None:
    graph = grimp.build_graph("filesend_tui", exclude_type_checking_imports=False)
    kinds = {kind for module in graph.modules if (kind := kind_of(module))}
    assert kinds >= {"direct", "webrtc", "relayed"}
    importers = {
        importer
        for module in graph.modules
        if (kind := kind_of(module))
        for importer in graph.find_modules_that_directly_import(module)
        if kind_of(importer) != kind
    }
    assert importers <= {f"{TRANSPORTS}.registry", DOOR, DOCTOR}
