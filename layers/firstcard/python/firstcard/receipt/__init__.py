"""Receipts: what the district is told about a file, without one value from it."""

from firstcard.receipt.forms import to_csv, to_html, to_json
from firstcard.receipt.receipt import Dropped, Outcome, Place, Receipt, Ring, receipt_of

__all__ = ["Dropped", "Outcome", "Place", "Receipt", "Ring", "receipt_of", "to_csv", "to_html", "to_json"]
