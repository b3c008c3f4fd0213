"""Sealed field groups: a purpose opens what its agreement gives it, and KMS refuses the rest.

``firstcard.vault.seal`` seals and opens; it is imported by the functions that do, and by no other, for it loads a cryptographic library.
"""

from firstcard.vault.model import Envelope, Intent, VaultClosedError, Wrap

__all__ = ["Envelope", "Intent", "VaultClosedError", "Wrap"]
