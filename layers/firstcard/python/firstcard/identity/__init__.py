"""Who is who without saying so: keyed tokens in the place of names and numbers."""

from firstcard.identity.tokens import Tokens

__all__ = ["Tokens"]
