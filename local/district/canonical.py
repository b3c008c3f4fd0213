"""The same people as one FirstCard CSV, for districts that write their own export."""

import csv
import io

from local.district.people import District

CANONICAL_HEADER = (
    "student_id", "state_id", "last_name", "first_name", "middle_name", "suffix", "preferred_name", "birth_date", "grade", "school_id", "school_name",
    "street", "city", "region", "postal_code", "phone", "home_language", "guardian_name", "guardian_email", "guardian_phone", "opt_out", "homeroom",
    "guardian2_name", "guardian2_email", "contact_restricted", "role", "staff_email",
)  # fmt: skip


def canonical_csv(district: District) -> bytes:
    """Students, then staff, with dates as YYYY-MM-DD and yes or blank for flags; UTF-8 with CRLF.

    A flat file lists no schools, so that a row with an unknown school (``Damage.UNKNOWN_SCHOOL``) cannot be told from a good one here.
    """
    schools = {school.sourced_id: school for school in district.schools}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, CANONICAL_HEADER, restval="")
    writer.writeheader()
    for student in district.students:
        school = schools.get(student.school)
        named = [(f"{guardian.given_name} {guardian.family_name}", guardian.email) for guardian in student.guardians]
        second_name, second_email = named[1] if len(named) > 1 else ("", "")
        writer.writerow(
            {
                "student_id": student.local_id,
                "state_id": student.state_id,
                "last_name": student.last_name,
                "first_name": student.first_name,
                "middle_name": student.middle_name,
                "suffix": student.suffix,
                "birth_date": student.birth_date.isoformat(),
                "grade": student.grade,
                "school_id": student.school,
                "school_name": school.name if school else "",
                "street": student.street,
                "city": district.city,
                "region": district.region,
                "postal_code": student.postal_code,
                "phone": student.guardians[0].phone,
                "home_language": student.language,
                "guardian_name": named[0][0],
                "guardian_email": named[0][1],
                "guardian_phone": student.guardians[0].phone,
                "opt_out": "yes" if student.opt_out else "",
                "homeroom": student.homeroom,
                "guardian2_name": second_name,
                "guardian2_email": second_email,
                "contact_restricted": "yes" if student.contact_restricted else "",
                "role": "student",
            }
        )
    for person in district.staff:
        writer.writerow(
            {
                "student_id": person.local_id,
                "last_name": person.last_name,
                "first_name": person.first_name,
                "school_id": person.school,
                "school_name": schools[person.school].name,
                "role": "staff",
                "staff_email": person.email,
            }
        )
    return text.getvalue().encode()
