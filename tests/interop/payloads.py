"""What is sent: one file of 20 MB, and a folder with everything that trips a peer up."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MB = 1_000_000
SINGLE_BYTES = 20 * MB
FOLDER_FILES = 30
CROWD_FILES = 600
EMPTY = "empty.bin"
NESTED = "one/two/three/deep.bin"
UNICODE = "Überblick – 東京 ☕.txt"


@dataclass(frozen=True)
class Payload:
    """Files on disk. files: SHA-256 by path below the folder; a single file's by its name."""

    path: Path
    files: dict[str, str]
    total: int

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def paths(self) -> list[str]:
        """Each file's path as a torrent's folder holds it: below `path`'s parent, `/` between."""
        if self.path.is_file():
            return [self.name]
        return [str(PurePosixPath(self.name, path)) for path in self.files]


def single(folder: Path, *, seed: str, size: int = SINGLE_BYTES) -> Payload:
    """Write one file of random bytes. seed: makes other bytes, and so another torrent."""
    path = folder / "single.bin"
    data = random.Random(seed).randbytes(size)
    path.write_bytes(data)
    return Payload(path, {path.name: hashlib.sha256(data).hexdigest()}, size)


def tree(folder: Path, *, seed: str, files: int = FOLDER_FILES, most: int = 400_000) -> Payload:
    """Write a folder of files of 1 to `most` bytes; one is empty, one nested, one Unicode."""
    chance = random.Random(seed)
    root = folder / "a folder"
    names = [EMPTY, NESTED, UNICODE, *(f"file {n:02}.bin" for n in range(files - 3))]
    hashes: dict[str, str] = {}
    total = 0
    for name in names:
        data = chance.randbytes(0 if name == EMPTY else chance.randint(1, most))
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        hashes[name] = hashlib.sha256(data).hexdigest()
        total += len(data)
    return Payload(root, hashes, total)


def crowd(folder: Path, *, seed: str) -> Payload:
    """Write a folder of so many files that its info dictionary is more than one BEP 9 piece."""
    return tree(folder, seed=seed, files=CROWD_FILES, most=2_000)


def read_back(payload: Payload, folder: Path) -> dict[str, str]:
    """Return what lies below `folder` where the payload should have arrived, like its `files`."""
    root = folder / payload.name
    if root.is_file():
        return {root.name: hashlib.sha256(root.read_bytes()).hexdigest()}
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }
