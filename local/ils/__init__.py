"""A stand-in for a library's ILS: it answers as Koha's published API says, and refuses what Koha refuses."""
