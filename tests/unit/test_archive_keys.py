"""Keys: they fit each other, and their files are closed to others and never overwritten."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pyrage import decrypt, encrypt, x25519

from worker.archive.errors import ArchiveError
from worker.archive.keys import identity_file, make_identity, make_signing_key, read_identities, write_secret


def test_an_identity_opens_what_was_sealed_for_its_recipient() -> None:
    key = make_identity()
    sealed = encrypt(b"x", [x25519.Recipient.from_str(key.recipient)])
    assert decrypt(sealed, [x25519.Identity.from_str(key.identity)]) == b"x"
    assert make_identity() != key


def test_a_signing_key_signs_for_its_public_half() -> None:
    key = make_signing_key()
    private, public = load_pem_private_key(key.private, None), load_pem_public_key(key.public)
    assert isinstance(private, Ed25519PrivateKey)
    assert isinstance(public, Ed25519PublicKey)
    public.verify(private.sign(b"seal"), b"seal")


def test_an_identity_file_is_read_with_its_comments(tmp_path: Path) -> None:
    one, two = make_identity(), make_identity()
    write_secret(tmp_path / "keys", identity_file(one) + b"\n# second\n" + identity_file(two))
    assert read_identities(tmp_path / "keys") == [one.identity, two.identity]


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"AGE-SECRET-KEY-1WRONG\n", b"\xff\xfe"])
def test_a_file_without_usable_identities_is_named_but_not_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=str(path)) as refusal:
        read_identities(path)
    assert "WRONG" not in str(refusal.value)


def test_a_missing_identity_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"Reading the identity file .* failed: No such file"):
        read_identities(tmp_path / "none")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_secret_file_has_mode_0600_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_secret(tmp_path / "new" / "secret", b"s")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "secret").stat().st_mode) == 0o600


def test_a_secret_is_never_overwritten_not_even_through_a_link(tmp_path: Path) -> None:
    write_secret(tmp_path / "secret", b"old")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("secret", "link"):
        with pytest.raises(ArchiveError, match="never overwritten"):
            write_secret(tmp_path / name, b"new")
    assert (tmp_path / "secret").read_bytes() == b"old"
    assert not (tmp_path / "elsewhere").exists()


def test_a_secret_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArchiveError, match=r"No space left on device\. Free some space"):
        write_secret(tmp_path / "secret", b"s")
    assert list(tmp_path.iterdir()) == []
