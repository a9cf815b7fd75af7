"""certificate.py: what is no certificate is said, and newer files are taken up."""

from __future__ import annotations

import logging
import os
import shutil
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from relay.certificate import BadCertificate, Certificate, certificate_of
from tests.certificates import own_certificate


def replace(to: Path, by: Path) -> None:
    """Put another file in the place of one, as those who renew certificates do."""
    new = to.with_suffix(".new")
    shutil.copyfile(by, new)
    new.replace(to)


def another(tmp_path: Path, name: str) -> tuple[Path, Path]:
    folder = tmp_path / name
    folder.mkdir()
    return own_certificate(folder)


def encrypted(path: Path) -> None:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    form = serialization.PrivateFormat.PKCS8
    secret = serialization.BestAvailableEncryption(b"secret")
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, secret))


def test_a_certificate_and_its_key_may_be_in_one_file(tmp_path: Path) -> None:
    chain, key = own_certificate(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + chain.read_bytes())
    assert Certificate(both).context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert certificate_of(None, None) is None


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda chain, _: chain.unlink(), "certificate.pem cannot be read"),
        (lambda _, key: key.unlink(), "key.pem cannot be read"),
        (lambda chain, _: chain.write_text("nothing"), "no certificate in PEM form"),
        (lambda _, key: key.write_bytes(b""), "no certificate in PEM form"),
        (lambda _, key: encrypted(key), "is encrypted"),
    ],
    ids=["no file", "no key", "no certificate", "an empty key", "a passphrase"],
)
def test_what_cannot_be_used_is_said(
    tmp_path: Path, spoil: Callable[[Path, Path], None], why: str
) -> None:
    chain, key = own_certificate(tmp_path)
    spoil(chain, key)
    with pytest.raises(BadCertificate, match=why):
        Certificate(chain, key)


def test_a_key_of_another_certificate_is_said(tmp_path: Path) -> None:
    chain, _ = own_certificate(tmp_path)
    _, key = another(tmp_path, "other")
    with pytest.raises(BadCertificate, match="is not that of the certificate"):
        Certificate(chain, key)
    with pytest.raises(BadCertificate, match="needs --tls-cert"):
        certificate_of(None, key)


def test_newer_files_are_taken_up_once_both_are_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chain, key = own_certificate(tmp_path)
    certificate = Certificate(chain, key)
    before = certificate.context
    assert not certificate.renew()
    newer = another(tmp_path, "newer")
    replace(chain, newer[0])
    with caplog.at_level(logging.WARNING):
        assert not certificate.renew()  # its key is yet to come
        assert not certificate.renew()
    (told,) = caplog.records  # once
    assert "the certificate of before stays" in told.getMessage()
    assert certificate.context is before
    replace(key, newer[1])
    assert certificate.renew()
    assert certificate.context is not before
    assert not certificate.renew()


def test_files_that_are_away_for_a_moment_change_nothing(tmp_path: Path) -> None:
    chain, key = own_certificate(tmp_path)
    certificate = Certificate(chain, key)
    before = certificate.context
    key.rename(tmp_path / "away")
    assert not certificate.renew()
    assert certificate.context is before
    (tmp_path / "away").rename(key)
    os.utime(key)
    assert certificate.renew()
