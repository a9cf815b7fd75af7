"""Hypothesis strategies for what is nearly right: real captures with a few bytes changed."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_edits = st.lists(
    st.tuples(st.integers(0, 2**20), st.integers(0, 40), st.binary(max_size=12)), max_size=6
)


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """One of the originals with up to six places cut out, overwritten or filled in."""
    data = draw(st.sampled_from(originals))
    for anywhere, removed, inserted in draw(_edits):
        at = anywhere % (len(data) + 1)
        data = data[:at] + inserted + data[at + removed :]
    return data


def mutated_text(originals: list[str]) -> st.SearchStrategy[str]:
    return mutated([text.encode() for text in originals]).map(
        lambda data: data.decode(errors="surrogateescape")
    )


#: Anything that bencode can say, keyed by what our decoders look for.
KEYS = [
    b"m", b"v", b"reqq", b"ut_metadata", b"metadata_size", b"msg_type", b"piece", b"total_size",
    b"name", b"length", b"files", b"path", b"attr", b"piece length", b"pieces", b"symlink path",
    b"meta version", b"file tree", b"source",
]  # fmt: skip
integers = st.integers() | st.sampled_from([0, -1, 1, 255, 256, 2**31, 2**62, 2**64, 10**400])
bencodable: st.SearchStrategy[Any] = st.recursive(
    integers | st.binary(max_size=60),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(KEYS) | st.binary(max_size=8), inner, max_size=6)
    ),
    max_leaves=20,
)


def bencoded(value: Any) -> bytes:
    """Encode without the library under test, which refuses what a villain would send."""
    match value:
        case int():
            # Python spells out no integer of so many digits on its own.
            return b"i%se" % (str(value).encode() if abs(value) < 10**4000 else b"9" * 4300)
        case bytes():
            return b"%d:%s" % (len(value), value)
        case list():
            return b"l" + b"".join(map(bencoded, value)) + b"e"
        case dict():
            items = sorted(value.items())
            return b"d" + b"".join(bencoded(k) + bencoded(v) for k, v in items) + b"e"
    raise TypeError(type(value))
