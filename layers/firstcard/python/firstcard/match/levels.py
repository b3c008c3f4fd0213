"""The levels on which two records are compared, field by field, and the SQL that tells them.

A level is a small number in the database and a word everywhere else; the words are stable, people see and store them as evidence.
"""

from enum import IntEnum


class First(IntEnum):
    """First names, compound ones included."""

    EXACT = 0
    PREFERRED = 1
    """One's preferred name is the other's name."""
    NICKNAME = 2
    EDIT = 3
    """One letter more, less, changed or two swapped, in names of four letters or more."""
    CUT = 4
    """One has only some of the other's words: Maria and Maria Jose."""
    INITIAL = 5
    SIMILAR = 6
    SWAPPED = 7
    """First and last name stand in each other's place."""
    MISSING = 8
    DIFFERENT = 9


class Last(IntEnum):
    """Last names, double ones included."""

    EXACT = 0
    PART = 1
    """One has only some of the other's surnames, or the same ones in another order."""
    EDIT = 2
    SIMILAR = 3
    MISSING = 4
    DIFFERENT = 5


class Born(IntEnum):
    """Birth dates."""

    EXACT = 0
    SWAPPED = 1
    """Day and month stand in each other's place."""
    EDIT = 2
    """One digit changed, or two neighbours swapped."""
    PART = 3
    """Two of year, month and day are equal."""
    DEFAULT = 4
    """The year is equal, and at least one date is what systems write where they know none: 1 January, or one that too many have."""
    MISSING = 5
    DIFFERENT = 6


class Middle(IntEnum):
    """Middle names."""

    EXACT = 0
    INITIAL = 1
    SIMILAR = 2
    MISSING = 3
    CONFLICT = 4


class Contact(IntEnum):
    """Address, phone and e-mail: one comparison, because a household shares all three."""

    SEVERAL = 0
    ONE = 1
    AREA = 2
    """None agrees, but the ZIP code does."""
    MISSING = 3
    NONE = 4


class State(IntEnum):
    """The state's student ids."""

    EQUAL = 0
    MISSING = 1
    CONFLICT = 2
    NEAR = 3
    """Different by a slip: two neighbours swapped, or one sign other than the last two, in which brothers and sisters entered together differ."""


class Suffix(IntEnum):
    """Generations."""

    EQUAL = 0
    MISSING = 1
    ONE = 2
    """Only one of the two has one."""
    CONFLICT = 3


FIELDS: dict[str, type[IntEnum]] = {
    "first": First,
    "last": Last,
    "dob": Born,
    "middle": Middle,
    "contact": Contact,
    "state": State,
    "suffix": Suffix,
}
"""The compared fields by their stable names, in the order of the evidence."""

MACROS = """
create macro fc_compact(a) as replace(a, ' ', '');
create macro fc_edit(a, b) as case when least(length(a), length(b)) < 4 or abs(length(a) - length(b)) > 1 then false
  when a[1] <> b[1] and a[-1] <> b[-1] then false else damerau_levenshtein(a, b) <= 1 end;
create macro fc_subset(a, b) as case when contains(a, ' ') or contains(b, ' ')
  then list_has_all(string_split(a, ' '), string_split(b, ' ')) or list_has_all(string_split(b, ' '), string_split(a, ' ')) else false end;
create macro fc_meets(a, b) as case when contains(a, ' ') or contains(b, ' ')
  then list_has_any(string_split(a, ' '), string_split(b, ' ')) else false end;
create macro fc_stem(a) as regexp_replace(a, '(ie|ey|y|i)$', '');
create macro fc_stem_of(stem, a) as case when length(stem) < 2 then false when starts_with(a, stem) then true
  when length(stem) > 2 and stem[-1] = stem[-2] then starts_with(a, left(stem, length(stem) - 1)) else false end;
create macro fc_short(a, b) as case
  when ends_with(a, b) and length(b) >= 4 or ends_with(b, a) and length(a) >= 4 then true
  when regexp_matches(b, '.(ie|y|i)$') and length(b) <= 6 and fc_stem_of(fc_stem(b), a) then true
  when regexp_matches(a, '.(ie|y|i)$') and length(a) <= 6 and fc_stem_of(fc_stem(a), b) then true
  else false end;
create macro fc_alike(a, b) as case when a = '' or b = '' then false when a = b then true when a[1] <> b[1] then false
  else jaro_winkler_similarity(a, b) >= 0.88 end;
create macro fc_similar(a, b) as case
  when least(length(a), length(b)) >= 3 and (starts_with(a, b) or starts_with(b, a)) then true
  when jaro_winkler_similarity(a, b) >= 0.88 then true
  when least(length(a), length(b)) >= 6 and abs(length(a) - length(b)) <= 2 then levenshtein(a, b) <= 2
  else false end;
create macro fc_swapped(given_a, family_a, given_b, family_b) as case
  when fc_alike(given_a, family_b) or fc_subset(given_a, family_b) then fc_alike(family_a, given_b) or fc_subset(family_a, given_b) else false end;
create macro fc_first(a, b, nick) as case
  when a = '' or b = '' then 8
  when fc_compact(a) = fc_compact(b) then 0
  when nick then 2
  when length(a) = 1 or length(b) = 1 then if(a[1] = b[1], 5, 9)
  when fc_edit(fc_compact(a), fc_compact(b)) then 3
  when fc_subset(a, b) then 4
  when least(length(fc_compact(a)), length(fc_compact(b))) >= 8 and (starts_with(fc_compact(a), fc_compact(b)) or starts_with(fc_compact(b), fc_compact(a))) then 6
  when contains(a, ' ') and contains(b, ' ') then 9
  when fc_similar(fc_compact(a), fc_compact(b)) then 6
  when fc_short(a, b) then 6
  else 9 end;
create macro fc_rhyme(a, b) as case
  when length(a) = length(b) then levenshtein(a, b) = 1
  else starts_with(a, b) or starts_with(b, a) or ends_with(a, b) or ends_with(b, a) end;
create macro fc_parted(given, middle) as length(middle) >= 3 or (length(middle) = 2 and length(given) <= 3);
create macro fc_joined(given_a, middle_a, given_b, middle_b) as case
  when given_a = '' or given_b = '' or (middle_a = '') = (middle_b = '') then false
  when middle_b = '' then fc_parted(given_a, middle_a) and fc_compact(given_a || middle_a) = fc_compact(given_b)
  else fc_parted(given_b, middle_b) and fc_compact(given_b || middle_b) = fc_compact(given_a) end;
create macro fc_last(a, b) as case
  when a = '' or b = '' then 4
  when fc_compact(a) = fc_compact(b) then 0
  when fc_subset(a, b) then 1
  when fc_edit(fc_compact(a), fc_compact(b)) then 2
  when fc_meets(a, b) then 3
  when fc_similar(fc_compact(a), fc_compact(b)) then 3
  else 5 end;
create macro fc_slip(a, b) as case hamming(a, b) when 1 then true when 2 then damerau_levenshtein(a, b) = 1 else false end;
create macro fc_close(a, b) as case when a = 0 or b = 0 then false when a // 10000 = b // 10000 and a // 100 % 100 = b % 100 and a % 100 = b // 100 % 100 then true
  else fc_slip(a::varchar, b::varchar) end;
create macro fc_born(a, b, vague) as case
  when a = 0 or b = 0 then 5
  when a = b and not vague then 0
  when vague and a // 10000 = b // 10000 then 4
  when a // 10000 = b // 10000 and a // 100 % 100 = b % 100 and a % 100 = b // 100 % 100 then 1
  when fc_slip(a::varchar, b::varchar) then 2
  when (a // 10000 = b // 10000)::int + (a // 100 % 100 = b // 100 % 100)::int + (a % 100 = b % 100)::int = 2 then 3
  else 6 end;
create macro fc_middle(a, b) as case
  when a = '' or b = '' then 3
  when fc_compact(a) = fc_compact(b) then if(length(a) = 1, 1, 0)
  when length(a) = 1 or length(b) = 1 then if(a[1] = b[1], 1, 4)
  when fc_edit(fc_compact(a), fc_compact(b)) then 2
  when fc_subset(a, b) then 2
  when least(length(a), length(b)) >= 3 and (starts_with(a, b) or starts_with(b, a)) then 2
  else 4 end;
create macro fc_state(a, b) as case when a = '' or b = '' then 1 when a = b then 0
  when length(a) < 6 or length(a) <> length(b) or strlen(a) <> strlen(b) then 2 when hamming(a, b) > 2 then 2
  when damerau_levenshtein(a, b) = 1 and (levenshtein(a, b) = 2 or left(a, length(a) - 2) <> left(b, length(b) - 2)) then 3
  else 2 end;
create macro fc_zip(a, b) as case when a = b or a = '' or b = '' then true
  when strlen(a) = strlen(b) then fc_slip(a, b)
  else damerau_levenshtein(a, b) <= 1 end;
create macro fc_both(a, b) as a = b or a = '' or b = '';
create macro fc_suffix(a, b) as case when a = '' and b = '' then 1 when a = '' or b = '' then 2
  when a = b or (a in ('jr', 'ii') and b in ('jr', 'ii')) then 0 else 3 end;
"""
