"""FirstCard: every student a library card, from a roster that never leaves its agreement."""
