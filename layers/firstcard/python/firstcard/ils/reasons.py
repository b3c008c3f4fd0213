"""Why a patron is not in the ILS: stable codes with a sentence and an advice, documented in docs/ils-koha.md."""

from dataclasses import dataclass
from enum import StrEnum


class SyncReason(StrEnum):
    """Codes that people may search for; a code keeps its meaning for good."""

    CARD_NUMBER_TAKEN = "card_number_taken"
    POSSIBLE_EXISTING_PATRON = "possible_existing_patron"
    LOGIN_NAME_TAKEN = "login_name_taken"
    OTHER_KEY_TAKEN = "other_key_taken"
    TOKEN_NOT_UNIQUE = "token_not_unique"  # noqa: S105  # a patron token is a pseudonym, not a password
    NOT_OURS = "not_ours"
    PATRON_GONE = "patron_gone"
    CARD_NOT_MADE_BY_US = "card_not_made_by_us"
    LINKED_TO_ANOTHER = "linked_to_another"
    EXISTING_CARD_BLOCKED = "existing_card_blocked"
    RENEWAL_REFUSED = "renewal_refused"
    RENEWAL_CHANGED_MORE = "renewal_changed_more"
    UNKNOWN_BRANCH = "unknown_branch"
    UNKNOWN_PATRON_TYPE = "unknown_patron_type"
    UNKNOWN_ATTRIBUTE_TYPE = "unknown_attribute_type"
    MISSING_ATTRIBUTE = "missing_attribute"
    ATTRIBUTE_NOT_REPEATABLE = "attribute_not_repeatable"
    ATTRIBUTE_NOT_UNIQUE = "attribute_not_unique"
    FIELD_REFUSED = "field_refused"
    PIN_REFUSED = "pin_refused"
    CREDENTIALS_REFUSED = "credentials_refused"
    NOT_PERMITTED = "not_permitted"
    ENDPOINT_NOT_FOUND = "endpoint_not_found"
    NO_ANSWER = "no_answer"
    TOO_MANY_REQUESTS = "too_many_requests"
    UNDER_MAINTENANCE = "under_maintenance"
    ILS_FAILED = "ils_failed"
    ANSWER_NOT_UNDERSTOOD = "answer_not_understood"


@dataclass(frozen=True, slots=True)
class SyncReasonText:
    """What happened, and what a person at the library or the district can do about it."""

    sentence: str
    advice: str


SYNC_REASONS: dict[SyncReason, SyncReasonText] = {
    SyncReason.CARD_NUMBER_TAKEN: SyncReasonText(
        "Another patron of the library already has this card number.",
        "Look the number up in the ILS. If numbers of two programmes overlap, agree on a prefix for this district; the other patron was not touched.",
    ),
    SyncReason.POSSIBLE_EXISTING_PATRON: SyncReasonText(
        "The library's own duplicate rule says that this person may have a card already.",
        "Compare the two in the ILS, then give the student a card of its own or let the library link the existing one.",
    ),
    SyncReason.LOGIN_NAME_TAKEN: SyncReasonText(
        "Another patron signs in with this card number as the login name, or the ILS does not accept it as one.",
        "Look the number up in the ILS, as a card number too. Agree on a prefix for this district's numbers, or change the other patron's login name; the other patron was not touched.",
    ),
    SyncReason.OTHER_KEY_TAKEN: SyncReasonText(
        "The ILS keeps a value unique that two patrons would now share.",
        "Ask whoever runs the ILS which key it names in its log; nothing was written.",
    ),
    SyncReason.TOKEN_NOT_UNIQUE: SyncReasonText(
        "More than one patron in the ILS carries this patron's token.",
        "Merge or correct these patrons in the ILS by their token, and make the attribute type a unique identifier.",
    ),
    SyncReason.NOT_OURS: SyncReasonText(
        "The patron that was to be changed does not carry our token.",
        "Was the patron merged, or the attribute taken away? Put the token back in the ILS, or let the card go; nothing was written.",
    ),
    SyncReason.PATRON_GONE: SyncReasonText(
        "The patron was deleted in the ILS.",
        "If that was meant, nothing needs doing. If not, have the card issued anew; it is not created again without being asked for.",
    ),
    SyncReason.CARD_NOT_MADE_BY_US: SyncReasonText(
        "This student's token is on a patron with another card number than the one that was made.",
        "Compare the two in the ILS. If the patron is the family's own card, take the token away from it there, then send the patron again; nothing was written.",
    ),
    SyncReason.LINKED_TO_ANOTHER: SyncReasonText(
        "The card that was to be linked is linked to another student already.",
        "Look at the patron's token in the ILS: two students cannot share a card. If the older link is wrong, take that token away there, then send the patron again; nothing was written.",
    ),
    SyncReason.EXISTING_CARD_BLOCKED: SyncReasonText(
        "The family's own card is restricted, expired, reported lost, or stopped for its address.",
        "Settle it with the family, or lift the block in the ILS, then send the patron again; nothing of the card was changed.",
    ),
    SyncReason.RENEWAL_REFUSED: SyncReasonText(
        "The family's own card is linked, but the ILS did not take a later expiry date for it.",
        "Renew the card in the ILS by hand, and see there what is wrong with the patron: an ILS may look at all of it when one date changes. Nothing else was changed.",
    ),
    SyncReason.RENEWAL_CHANGED_MORE: SyncReasonText(
        "After the family's own card was renewed, something about it besides the expiry date was not as before.",
        "Compare the patron with the ILS's log of changes: somebody may have changed it at that very moment, or the ILS changes more than it is asked to. Put back what was not meant.",
    ),
    SyncReason.UNKNOWN_BRANCH: SyncReasonText(
        "The ILS has no branch with this code.",
        "Correct the branch in the library's file, or add it in the ILS, then send the patron again.",
    ),
    SyncReason.UNKNOWN_PATRON_TYPE: SyncReasonText(
        "The ILS has no patron type with this code.",
        "Correct the patron type in the library's file, or add it in the ILS, then send the patron again.",
    ),
    SyncReason.UNKNOWN_ATTRIBUTE_TYPE: SyncReasonText(
        "The ILS has no attribute type for the patron token.",
        "Create the attribute type that the library's file names, as a unique identifier that is searchable and shown to staff only.",
    ),
    SyncReason.MISSING_ATTRIBUTE: SyncReasonText(
        "The ILS demands an attribute that we do not send.",
        "Make that attribute type optional for this patron type.",
    ),
    SyncReason.ATTRIBUTE_NOT_REPEATABLE: SyncReasonText(
        "The ILS allows the attribute once and the patron would have it twice.",
        "Look at the patron's attributes in the ILS and take the surplus one away.",
    ),
    SyncReason.ATTRIBUTE_NOT_UNIQUE: SyncReasonText(
        "Another patron has one of this patron's attributes, and the ILS keeps it unique.",
        "Look the attribute up in the ILS; the patron we know by the token is not the one that has it.",
    ),
    SyncReason.FIELD_REFUSED: SyncReasonText(
        "The ILS found a field that it does not know, that is missing or that is badly formed.",
        "This is ours to mend: report it with the patron token and the ILS's version.",
    ),
    SyncReason.PIN_REFUSED: SyncReasonText(
        "The patron is in the ILS, but its PIN breaks the library's rule for passwords.",
        "Make the PIN's length in the agreement fit the library's rule (or the rule for this patron type fit the agreement), then send the patron again.",
    ),
    SyncReason.CREDENTIALS_REFUSED: SyncReasonText(
        "The ILS does not accept our credentials.",
        "Renew the client id and secret in the library's secret, and see that OAuth2 client credentials are switched on; then redrive the queue.",
    ),
    SyncReason.NOT_PERMITTED: SyncReasonText(
        "Our account in the ILS lacks a permission, or something in front of the ILS blocks us.",
        "Give the account the permission to edit patrons; ask whether a firewall stands in front. Then redrive the queue.",
    ),
    SyncReason.ENDPOINT_NOT_FOUND: SyncReasonText(
        "There is no API at the address in the library's file.",
        "Correct the endpoint: for Koha it ends in /api/v1. Then redrive the queue.",
    ),
    SyncReason.NO_ANSWER: SyncReasonText(
        "The ILS could not be reached, or broke off before it had answered.",
        "It is tried again by itself. If it lasts, ask whoever runs the ILS.",
    ),
    SyncReason.TOO_MANY_REQUESTS: SyncReasonText(
        "The ILS asks us to slow down.",
        "It is tried again by itself. If it lasts, lower the requests per second in the library's file.",
    ),
    SyncReason.UNDER_MAINTENANCE: SyncReasonText(
        "The ILS is under maintenance.",
        "It is tried again by itself.",
    ),
    SyncReason.ILS_FAILED: SyncReasonText(
        "The ILS reports a fault of its own.",
        "It is tried again by itself. If it lasts, whoever runs the ILS finds the cause in its log.",
    ),
    SyncReason.ANSWER_NOT_UNDERSTOOD: SyncReasonText(
        "The ILS gave an answer that its published interface does not have.",
        "See what stands at the endpoint: a sign-in page or a proxy often answers instead. It is tried again by itself.",
    ),
}
