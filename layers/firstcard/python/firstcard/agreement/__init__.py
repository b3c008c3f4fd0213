"""Agreements and libraries: what people wrote down, checked, and what follows from it."""

from firstcard.agreement.library import ADAPTERS, NEEDED_PATRON_FIELDS, PATRON_FIELDS, AdapterFacts, Library, PatronsClause
from firstcard.agreement.lines import AgreementError, Mistake
from firstcard.agreement.load import Site, agreement_from, library_from, load_agreement, load_library, load_site
from firstcard.agreement.model import Access, Agreement, Condition, Contact, Ferpa, FieldClause, NumberClause, RoleClause, Status
from firstcard.agreement.vocabulary import FIELDS, FORBIDDEN_FIELDS, Group, Purpose

__all__ = [
    "ADAPTERS",
    "FIELDS",
    "FORBIDDEN_FIELDS",
    "NEEDED_PATRON_FIELDS",
    "PATRON_FIELDS",
    "Access",
    "AdapterFacts",
    "Agreement",
    "AgreementError",
    "Condition",
    "Contact",
    "Ferpa",
    "FieldClause",
    "Group",
    "Library",
    "Mistake",
    "NumberClause",
    "PatronsClause",
    "Purpose",
    "RoleClause",
    "Site",
    "Status",
    "agreement_from",
    "library_from",
    "load_agreement",
    "load_library",
    "load_site",
]
