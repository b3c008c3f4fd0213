"""The review: what was done with the data, held against what was permitted and what was meant."""
