"""Attestations: which workflow claims to have made a model file."""

from __future__ import annotations

from cmlkit.errors import ModelError
from cmlkit.forges.base import Attestation, AttestationForge
from cmlkit.model.verification import Verification

NOT_CHECKED = "not checked"


def attestations_of(verification: Verification, *, forge: AttestationForge, repository: str) -> list[Attestation]:
    """Return GitHub's attestations of a file with this hash; their signatures are not checked.

    Args:
        repository: The repository's name, for messages.

    Raises:
        ModelError: The file has no attestation.
        PermissionDenied, ServiceError: GitHub did not list them.
    """
    found = forge.attestations(verification.sha256)
    if not found:
        raise ModelError(
            f"{repository} has no attestation of {verification.path} (sha256:{verification.sha256}).",
            next_step="Either no workflow attested it, or the token lacks attestations: read.",
        )
    return found


def check_command(path: str, repository: str) -> str:
    """Return the command that checks the signatures, which cmlkit leaves to GitHub's own client."""
    return f"gh attestation verify {path} --repo {repository}"
