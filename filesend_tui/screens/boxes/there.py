"""The line of a request's box about files that are in the folder already. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from filesend_tui.core.choices import Arriving, Overwrite
from filesend_tui.keys import shown

if TYPE_CHECKING:
    from filesend_tui.core.checks import Existing


def replaceable(found: Sequence[Existing], arriving: Arriving) -> Sequence[Existing]:
    """Return of what is there that about which somebody is asked whether it is replaced."""
    if arriving.overwrite is not Overwrite.ASK:
        return ()
    return [each for each in found if not _is_left_out(each, arriving)]


def there_words(
    found: Sequence[Existing], arriving: Arriving, accepted: Sequence[bool], replaced: int
) -> str:
    """Return what becomes of what is there; empty where that is nothing, or it arrives beside.

    Args:
        found: What is there.
        arriving: What the person chose for all requests.
        accepted: A yes or no for each file of the request.
        replaced: How many have a yes to being replaced.
    """
    found = [each for each in found if accepted[each.number]]
    if not arriving.merges or not found:
        return ""
    rest = [each for each in found if not _is_left_out(each, arriving)]
    left_out = len(found) - len(rest)
    older = [each for each in rest if arriving.overwrite is Overwrite.OLDER and each.older]
    stays = len(rest) - len(older) - replaced
    asked = arriving.overwrite is Overwrite.ASK and not replaced
    key = f", {shown('replace')} replaces it" if asked else ""
    told = [
        f"{replaced:,} replaced" if replaced else "",
        f"{len(older):,} older replaced" if older else "",
        f"{left_out:,} the same, not fetched" if left_out else "",
        f"{stays:,} kept, and what comes gets a number" if stays else "",
    ]
    return f"There already{key}: {'; '.join(filter(None, told))}"


def _is_left_out(each: Existing, arriving: Arriving) -> bool:
    return arriving.skip_existing and each.same
