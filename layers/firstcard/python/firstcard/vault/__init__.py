"""Sealed field groups: a purpose opens what its agreement gives it, and KMS refuses the rest."""

from firstcard.vault.seal import Envelope, Intent, Opener, Sealer, VaultClosedError

__all__ = ["Envelope", "Intent", "Opener", "Sealer", "VaultClosedError"]
