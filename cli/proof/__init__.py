"""Proof that what is deployed is what is agreed: an offline evaluator of AWS policies, what the agreements say, and the comparison."""
