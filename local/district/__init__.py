"""A synthetic district: its people, the export its student system would write, and the way it delivers that file."""

from local.district.people import Change, ChangeKind, Damage, District, Expected, Guardian, School, Staff, Student, make_district

__all__ = ["Change", "ChangeKind", "Damage", "District", "Expected", "Guardian", "School", "Staff", "Student", "make_district"]
