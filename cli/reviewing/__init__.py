"""A review from a folder of evidence: what lies in it, read and held against the agreements and the templates."""
