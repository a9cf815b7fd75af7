"""Every error says what happened and what to do, and stands in docs/errors.md with its tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from filesend_tui.core.errors import FileSendError
from tools.errors_page import BROUGHT_ABOUT, PAGE, kinds, page

ROOT = Path(__file__).parents[2]
KINDS = kinds()


def test_the_page_is_what_is_made() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tools.errors_page"


def test_every_kind_has_a_code_of_its_own_and_tests() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    assert set(codes) == set(BROUGHT_ABOUT)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_every_kind_says_what_it_is_and_what_to_do(kind: type[FileSendError]) -> None:
    assert kind.__doc__
    assert kind.__doc__ != FileSendError.__doc__ or kind is FileSendError
    assert kind is FileSendError or "default_hint" in vars(kind)
    assert kind.default_hint.endswith(".")
    assert "|" not in kind.default_hint + kind.__doc__


@pytest.mark.parametrize(
    "name", sorted({test for tests in BROUGHT_ABOUT.values() for test in tests})
)
def test_what_is_named_exists(name: str) -> None:
    file, _, function = name.partition("::")
    source = (ROOT / file).read_text(encoding="utf-8")
    assert not function or f"def {function}(" in source


def _texts() -> Iterator[tuple[str, str]]:
    """Every message and hint that is written out where an error is made: where, and what."""
    names = {kind.__name__ for kind in KINDS}
    for path in sorted((ROOT / "filesend_tui").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
            name = called.id if isinstance(called, ast.Name) else called
            if name in names:
                for argument in node.args[:2]:
                    if (text := _text(argument)) is not None:
                        yield f"{path.name}:{argument.lineno}", text


def _text(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr():
            return "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
            )
    return None


def test_every_text_is_a_sentence() -> None:
    texts = dict(_texts())
    assert len(texts) > 100
    # What ends in something that is put in ends in that: a sentence of another's.
    odd = {
        where: text
        for where, text in texts.items()
        if not text.endswith((".", "?", "…")) or not (text[0].isupper() or text[0] in "…“")
    }
    assert odd == {}
