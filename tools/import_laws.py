"""The import rules, a contract for import-linter: what is not allowed is forbidden.

The table is in pyproject.toml, one line a package, from the ground up: `package: what it may
import`. Only parsing and checking the table live here. A package's own modules may import each
other; import cycles are forbidden, also for types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import grimp
from importlinter import Contract, ContractCheck, fields, output


class Laws:
    """The table of import rules.

    Args:
        lines: `package: what it may import, …`, from the ground up: a package may only import those
            on earlier lines.

    Raises:
        ValueError: A line allows a package without an earlier line, or a package has two lines.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.allowed: dict[str, frozenset[str]] = {}
        for line in lines:
            package, _, rest = line.partition(":")
            imports = frozenset(rest.replace(",", " ").split())
            if unknown := imports - self.allowed.keys():
                raise ValueError(f"{package} may import {', '.join(sorted(unknown))}: not below it")
            if self.allowed.setdefault(package.strip(), imports) is not imports:
                raise ValueError(f"{package} has two lines")

    def package_of(self, module: str) -> str | None:
        """Return the table's package of a module: the longest name that is a prefix."""
        while module not in self.allowed:
            module, dot, _ = module.rpartition(".")
            if not dot:
                return None
        return module

    def broken(self, imports: Mapping[str, Iterable[str]]) -> list[str]:
        """Return a sentence for each import that is not allowed, and each module without a rule."""
        lawless = [each for each in imports if self.package_of(each) is None]
        faults = [f"{each} is in no package of the table" for each in lawless]
        for importer, imported in imports.items():
            package = self.package_of(importer)
            for each in imported:
                other = self.package_of(each)
                if package is None or other is None or other == package:
                    continue
                if other not in self.allowed[package]:
                    faults.append(f"{importer} imports {each}: {package} may not import {other}")
        return sorted(faults)

    def unused(self, imports: Mapping[str, Iterable[str]]) -> list[str]:
        """Return a sentence for each permission that is not used."""
        used = {
            (self.package_of(importer), self.package_of(each))
            for importer, imported in imports.items()
            for each in imported
        }
        return [
            f"{package} needs not import {other}"
            for package, others in self.allowed.items()
            for other in sorted(others)
            if (package, other) not in used
        ]


def circles(imports: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """Return the import cycles: strongly connected groups of modules (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[tuple[str, ...]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in imports.get(module, ()):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                found.append(tuple(sorted(group)))

    for module in imports:
        if module not in index:
            visit(module)
    return found


def imports_of(graph: grimp.ImportGraph) -> dict[str, set[str]]:
    """Return what each module imports, also within functions and for types."""
    return {each: graph.find_modules_directly_imported_by(each) for each in sorted(graph.modules)}


class AllowContract(Contract):
    """import-linter's `type = "allow"`: the table, and no import cycles."""

    table = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Check the rules."""
        lines: Any = self.table
        laws, imports = Laws(lines), imports_of(graph)
        faults = [
            *laws.broken(imports),
            *laws.unused(imports),
            *(f"a circle: {', '.join(circle)}" for circle in circles(imports)),
        ]
        return ContractCheck(kept=not faults, metadata={"faults": faults})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print what breaks them."""
        for fault in check.metadata["faults"]:
            output.print_error(fault)
