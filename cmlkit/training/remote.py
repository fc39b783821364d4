"""Data at an address: its fingerprint from a listing, without reading it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cmlkit.errors import CmlkitError, SettingsError
from cmlkit.records.training_run import DataFingerprint


def fingerprint(address: str) -> DataFingerprint:
    """Return the fingerprint of the objects below an address in S3: their keys, ETags and sizes.

    Raises:
        SettingsError: The address is of another kind, or the bucket does not exist.
        PermissionDenied, ServiceError: S3 does not list them.
    """
    if not address.startswith("s3://"):
        raise SettingsError(
            f"{address} cannot be looked at: only addresses in S3 can.", next_step="Correct the setting train.data."
        )
    from cmlkit.stores.s3 import listed

    sha256, size = listed(address)
    return DataFingerprint(path=address, sha256=sha256, size=size)


def fingerprints(addresses: Iterable[str], *, warn: Callable[[str], None]) -> tuple[DataFingerprint, ...]:
    """Return the fingerprints of those that can be looked at; warn about others, as the training is done already."""
    found = []
    for address in addresses:
        try:
            found.append(fingerprint(address))
        except CmlkitError as error:
            warn(f"The record has no fingerprint of {address}: {error.message}")
    return tuple(found)
