"""Koha over its REST API: patrons created, completed, updated and ended; a family's own card linked and renewed, and no stranger's ever touched."""

import ipaddress
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from urllib3.exceptions import HTTPError

from firstcard.ils import Accepted, IlsPatron, PatronPage, Refused, SyncReason, Unreachable, Verdict

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

_READ_ONLY: Final = frozenset({"anonymized", "expired", "restricted", "updated_on"})
"""Keys that Koha computes and refuses in a PUT."""

_KOHAS_OWN: Final = frozenset(
    {
        "patron_id",
        "last_seen",
        "login_attempts",
        "overdrive_auth_token",
        "checkouts_count",
        "overdues_count",
        "account_balance",
        "library",
        "_strings",
    }
)
"""Keys that Koha keeps by itself: a stale copy of them must not be sent back."""

_ERROR_CODES: Final = {
    "missing_mandatory_attribute": SyncReason.MISSING_ATTRIBUTE,
    "invalid_attribute_type": SyncReason.UNKNOWN_ATTRIBUTE_TYPE,
    "non_repeatable_attribute": SyncReason.ATTRIBUTE_NOT_REPEATABLE,
    "attribute_not_unique": SyncReason.ATTRIBUTE_NOT_UNIQUE,
}

_UNKNOWN_VALUE: Final = {
    "library_id": SyncReason.UNKNOWN_BRANCH,
    "branchcode": SyncReason.UNKNOWN_BRANCH,
    "category_id": SyncReason.UNKNOWN_PATRON_TYPE,
    "categorycode": SyncReason.UNKNOWN_PATRON_TYPE,
}

_KEYS: Final = {
    "cardnumber": SyncReason.CARD_NUMBER_TAKEN,
    "userid": SyncReason.LOGIN_NAME_TAKEN,
}

_SOMEBODY_LIKE_THIS: Final = frozenset(
    {
        SyncReason.CARD_NUMBER_TAKEN,
        SyncReason.LOGIN_NAME_TAKEN,
        SyncReason.OTHER_KEY_TAKEN,
        SyncReason.POSSIBLE_EXISTING_PATRON,
        SyncReason.ATTRIBUTE_NOT_UNIQUE,
    }
)
"""Refusals that our own half-made patron causes just as well as a stranger; Koha looks at the login name before the card number."""

_RENEW_EARLY: Final = 60.0
"""Seconds before its end at which an access token is replaced, so that none ends on the way."""

_ALL_ATTRIBUTES: Final = 200
"""More attributes than a patron has: a list comes in pages of twenty otherwise."""

_NO_WELCOME: Final = {"x-koha-override": "welcome_no"}
_WITH_ATTRIBUTES: Final = {"x-koha-embed": "extended_attributes"}
_NOT_A_DUPLICATE: Final = {"x-confirm-not-duplicate": "1"}

_OF_ITS_END: Final = frozenset({"expiry_date", "expired", "updated_on"})
_PATRONS_A_PAGE: Final = 200
_BLOCKS: Final = ("restricted", "patron_card_lost", "incorrect_address")
_PATRON_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "patron_id": ("patron_id",),
    "barcode": ("cardnumber",),
    "first_name": ("firstname",),
    "middle_name": ("middle_name",),
    "last_name": ("surname",),
    "suffix": (),
    "birth_date": ("date_of_birth",),
    "postal_code": ("postal_code",),
    "email": ("email",),
}
"""What Koha calls our fields; it knows no suffix."""
_OWES: Final = {"x-koha-embed": "account_balance"}

Json = dict[str, Any]


class KohaIls:
    """A Koha whose patrons carry our token in the attribute type ``token_attribute``, which must be a unique identifier there.

    ``endpoint`` is the base of the API and ends in ``/api/v1``; it must be https, or on this very machine. ``http`` brings time-outs and certificates.
    With ``confirm_separate`` a student whom the library's duplicate rule stops gets a card of its own all the same (the agreement's ``existing: separate``).
    ``clock`` gives seconds that only go forward. One object may serve many threads.

    A new patron costs two requests: the patron, then its PIN. Nothing is kept back from the caller by an exception: each answer is a value.
    """

    def __init__(
        self,
        endpoint: str,
        client_id: str,
        client_secret: str,
        *,
        token_attribute: str,
        http: "PoolManager",
        confirm_separate: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not _safe_to_speak_to(endpoint):
            raise ValueError("the endpoint of an ILS must be an https address (or http on this machine)")
        logger = logging.getLogger("urllib3")
        logger.setLevel(max(logger.level, logging.WARNING))  # it logs addresses, and an address here holds a patron token
        self._endpoint = endpoint.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._attribute = token_attribute
        self._http = http
        self._confirm_separate = confirm_separate
        self._clock = clock
        self._lock = threading.Lock()
        self._access = ""
        self._access_until = 0.0

    @property
    def can_set_pin(self) -> bool:
        """True: Koha takes a password for a patron."""
        return True

    def put(self, patron: IlsPatron, *, ils_id: str | None, new_pin: bool = False) -> Accepted | Refused | Unreachable:
        """Create the patron with its PIN, complete one that an earlier attempt left, or bring a known one up to date, with a new PIN where it has one."""
        for token in patron.moved_from:
            if (moved := self._move(patron, token)) is not None:
                return moved
        if ils_id is None:
            return self._create(patron, confirmed=False)
        current = self._own(ils_id, patron.token)
        if isinstance(current, Refused | Unreachable):
            return current
        done = self._bring_up_to_date(current, _school_owned(patron))
        return self._set_pin(ils_id, patron.pin) if new_pin and isinstance(done, Accepted) else done

    def end(self, ils_id: str | None, *, token: str, on: date) -> Accepted | Refused | Unreachable:
        """Bring the expiry date forward to ``on``; a patron that is gone, or expired by then, needs nothing."""
        current = self._find(token) if ils_id is None else self._own(ils_id, token)
        if current is None:
            return Accepted("")
        if isinstance(current, Refused) and current.reason is SyncReason.PATRON_GONE:
            return Accepted(ils_id or "")
        if isinstance(current, Refused | Unreachable):
            return current
        expires = current.get("expiry_date")
        if isinstance(expires, str) and expires <= on.isoformat():  # ISO dates sort as they fall
            return Accepted(_id_of(current))
        # Without the attributes, which Koha then leaves alone: whose card it is may change at this very moment.
        return self._bring_up_to_date(current, {"expiry_date": on.isoformat()}, with_attributes=False)

    def link(
        self, ils_id: str, *, token: str, held_before: bool, blocked_too: bool, on: date, renew_to: date | None = None
    ) -> Accepted | Refused | Unreachable:
        """Add the token to a patron's attributes with a request that can change nothing else; then renew the card, if it is to be."""
        current = self._patron(ils_id)
        if isinstance(current, Refused | Unreachable):
            return current
        later = _later_end(current, on, renew_to)
        if self._carries(current, token):
            return self._renewed(current, token, on, renew_to)
        remark = _remark(current, on, renewed=bool(later))
        if held_before:
            return Refused(SyncReason.NOT_OURS, ils_id)
        if self._is_somebodys(current):
            return Refused(SyncReason.LINKED_TO_ANOTHER)
        if remark and not blocked_too:
            return Refused(remark)
        reply = self._send("POST", f"/patrons/{ils_id}/extended_attributes", body={"type": self._attribute, "value": token})
        if isinstance(reply, Unreachable):
            return reply
        linked = Accepted(ils_id, remark) if reply.status in {200, 201} else self._unless_linked(reply, ils_id, token, remark)
        if not later or not isinstance(linked, Accepted):
            return linked
        # Read again, for what is written next is all of the patron: it must be as it is now, and carry the token.
        current = self._patron(ils_id)
        return current if isinstance(current, Refused | Unreachable) else self._renewed(current, token, on, renew_to)

    def unlink(self, ils_id: str, *, token: str) -> Accepted | Refused | Unreachable:
        """Delete the one attribute that is the token; what else the patron has is not even read."""
        if not ils_id.isdecimal():
            return Refused(SyncReason.NOT_OURS)
        reply = self._send("GET", f"/patrons/{ils_id}/extended_attributes?_per_page={_ALL_ATTRIBUTES}")
        if isinstance(reply, Unreachable):
            return reply
        if reply.status != 200:
            return _unless_gone(reply, ils_id)
        marks = _body(reply)
        if not isinstance(marks, list):
            return Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)
        for mark in marks:
            if not isinstance(mark, dict) or (mark.get("type"), mark.get("value")) != (self._attribute, token):
                continue
            number = mark.get("extended_attribute_id")
            if not isinstance(number, int):
                return Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)
            gone = self._send("DELETE", f"/patrons/{ils_id}/extended_attributes/{number}")
            if isinstance(gone, Unreachable):
                return gone
            if gone.status not in {200, 204}:
                settled = _unless_gone(gone, ils_id)
                if not isinstance(settled, Accepted):
                    return settled
        return Accepted(ils_id)

    def check(self, pairs: Sequence[tuple[str, str]], *, token: str, pin: str, on: date) -> tuple[Verdict, ...]:
        """Create one expired trial patron for each (patron type, branch) pair, look at it, and delete it again.

        The first also shows whether the token is found again, whether Koha keeps it unique, and whether the PIN passes the library's rule.
        """
        verdicts: list[Verdict] = []
        for place, (patron_type, branch) in enumerate(pairs):
            subject = f"patron type {patron_type} at branch {branch}"
            trial = {
                "surname": "FirstCard library check",
                "library_id": branch,
                "category_id": patron_type,
                "expiry_date": (on - timedelta(days=1)).isoformat(),
                "extended_attributes": [{"type": self._attribute, "value": f"{token}-{place}"}],
            }
            made = self._make_trial(trial)
            if not isinstance(made, str):
                verdicts.append(Verdict(subject, made.reason))
                if isinstance(made, Unreachable):
                    return tuple(verdicts)
                continue
            if place == 0:
                verdicts += self._check_token(f"{token}-{place}", made, trial)
                answer = self._set_pin(made, pin)
                verdicts.append(Verdict("PIN", None if isinstance(answer, Accepted) else answer.reason))
            verdicts.append(self._delete_trial(made, subject))
        return tuple(verdicts)

    def patrons_after(self, number: int, fields: Sequence[str]) -> PatronPage | Refused | Unreachable:
        """The patrons with the next higher borrower numbers.

        Not by ``_page``: a patron deleted meanwhile would move another one out of sight. Koha cannot leave fields out of its answer; what was not asked
        for goes no further than this method. Whether money is owed is asked only where ``blocked`` is.
        """
        query = quote(json.dumps({"patron_id": {">": number}}))
        path = f"/patrons?q={query}&_order_by=%2Bpatron_id&_per_page={_PATRONS_A_PAGE}"
        reply = self._send("GET", path, headers=_OWES if "blocked" in fields else None)
        if isinstance(reply, Unreachable):
            return reply
        if reply.status != 200:
            return _refusal(reply)
        found = _body(reply)
        if not isinstance(found, list):
            return Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)
        patrons = [patron for patron in found if isinstance(patron, dict)]
        numbers = [patron.get("patron_id") for patron in patrons]
        if len(patrons) != len(found) or not all(isinstance(one, int) and one > number for one in numbers):
            return Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)
        return PatronPage([_as_said(patron, fields) for patron in patrons], max(map(int, map(str, numbers)), default=0))

    def _create(self, patron: IlsPatron, *, confirmed: bool) -> Accepted | Refused | Unreachable:
        body = _school_owned(patron) | {
            "userid": patron.number,
            "extended_attributes": [{"type": self._attribute, "value": patron.token}],
        }
        body |= {key: value for key, value in {"lang": patron.language, "preferred_name": patron.preferred_name}.items() if value}
        reply = self._send("POST", "/patrons", body=body, headers=_NO_WELCOME | (_NOT_A_DUPLICATE if confirmed else {}))
        if isinstance(reply, Unreachable):
            return reply
        if reply.status == 201:
            ils_id = _id_of(_object(reply)) or reply.headers.get("location", "").rpartition("/")[2]
            if not ils_id.isdecimal():
                return Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)
            return self._set_pin(ils_id, patron.pin)
        no = _refusal(reply)
        if isinstance(no, Unreachable) or no.reason not in _SOMEBODY_LIKE_THIS:
            return no

        # An earlier attempt of ours that was cut short looks just like somebody else: the token tells them apart.
        ours = self._find(patron.token)
        if isinstance(ours, Refused | Unreachable):
            return ours
        if ours is not None:
            if patron.number not in (ours.get("cardnumber"), ours.get("userid")):
                return Refused(SyncReason.CARD_NOT_MADE_BY_US)
            completed = self._bring_up_to_date(ours, _school_owned(patron))
            return self._set_pin(completed.ils_id, patron.pin) if isinstance(completed, Accepted) else completed
        if no.reason is SyncReason.POSSIBLE_EXISTING_PATRON and (self._confirm_separate or patron.separate) and not confirmed:
            return self._create(patron, confirmed=True)
        return no

    def _move(self, patron: IlsPatron, moved_from: str) -> Accepted | Refused | Unreachable | None:
        """Give a card that carries the old token the new one; None where no card does, for then it is moved already or never was there.

        The PIN goes first and the token last, with everything else in one request: whatever is cut short is done again.
        """
        current = self._find(moved_from)
        if current is None or isinstance(current, Refused | Unreachable):
            return current
        if patron.number not in (current.get("cardnumber"), current.get("userid")):
            return Refused(SyncReason.CARD_NOT_MADE_BY_US)
        given = self._set_pin(_id_of(current), patron.pin)
        if not isinstance(given, Accepted):
            return given
        marks = [
            mark | {"value": patron.token} if (mark.get("type"), mark.get("value")) == (self._attribute, moved_from) else mark
            for mark in _attributes(current)
        ]
        return self._bring_up_to_date(current | {"extended_attributes": marks}, _school_owned(patron), unasked=True)

    def _own(self, ils_id: str, token: str) -> Json | Refused | Unreachable:
        """The patron with this ILS id, if it is ours."""
        patron = self._patron(ils_id)
        if isinstance(patron, Refused | Unreachable):
            return patron
        return patron if self._carries(patron, token) else Refused(SyncReason.NOT_OURS)

    def _patron(self, ils_id: str) -> Json | Refused | Unreachable:
        """The patron with this ILS id and its attributes, whoever it is."""
        if not ils_id.isdecimal():
            return Refused(SyncReason.NOT_OURS)
        reply = self._send("GET", f"/patrons/{ils_id}", headers=_WITH_ATTRIBUTES)
        if isinstance(reply, Unreachable):
            return reply
        if reply.status != 200:
            return _refusal(reply, ils_id)
        patron = _object(reply)
        if _id_of(patron) != ils_id:
            return Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)
        return patron

    def _renewed(self, current: Json, token: str, on: date, renew_to: date | None) -> Accepted | Refused | Unreachable:
        """A linked patron with a later end, if it is to have one, and everything else as it was; then a look whether that is so.

        Its attributes are not sent: Koha leaves them alone then, and a token that a no takes away at this moment does not come back. Whatever becomes of the
        renewal, the card is linked: a refused one is a remark.
        """
        ils_id = _id_of(current)
        if not self._carries(current, token):
            return Refused(SyncReason.NOT_OURS, ils_id)
        later = _later_end(current, on, renew_to)
        if not later:
            return Accepted(ils_id, _remark(current, on, renewed=False))
        written = self._bring_up_to_date(current, {"expiry_date": later}, with_attributes=False)
        if isinstance(written, Unreachable) or (isinstance(written, Refused) and written.reason is SyncReason.PATRON_GONE):
            return written
        if isinstance(written, Refused):
            return Accepted(ils_id, SyncReason.RENEWAL_REFUSED)
        now = self._patron(ils_id)
        if isinstance(now, Refused | Unreachable):
            return now
        if not self._carries(now, token):
            return Refused(SyncReason.NOT_OURS, ils_id)
        if _besides_its_end(now) != _besides_its_end(current):
            return Accepted(ils_id, SyncReason.RENEWAL_CHANGED_MORE)
        return Accepted(ils_id, SyncReason.RENEWAL_REFUSED if _later_end(now, on, renew_to) else None)

    def _unless_linked(
        self, reply: "BaseHTTPResponse", ils_id: str, token: str, remark: SyncReason | None
    ) -> Accepted | Refused | Unreachable:
        """Why Koha did not add the token; the patron is looked at again, for the published answer to a conflict does not say which one it is."""
        if reply.status == 400:
            no = _bad_parameter(_object(reply))
            return Refused(SyncReason.UNKNOWN_ATTRIBUTE_TYPE if no is SyncReason.FIELD_REFUSED else no)
        if reply.status != 409:
            return _refusal(reply, ils_id)
        current = self._patron(ils_id)
        if isinstance(current, Refused | Unreachable):
            return current
        if self._carries(current, token):
            return Accepted(ils_id, remark)
        return Refused(SyncReason.LINKED_TO_ANOTHER if self._is_somebodys(current) else SyncReason.ATTRIBUTE_NOT_UNIQUE)

    def _is_somebodys(self, patron: Json) -> bool:
        """Whether the patron carries a token, whosever it is."""
        return any(mark.get("type") == self._attribute for mark in _attributes(patron))

    def _find(self, token: str) -> Json | Refused | Unreachable | None:
        """The one patron that carries this token, or None."""
        query = {"extended_attributes.code": self._attribute, "extended_attributes.attribute": token}
        reply = self._send("GET", f"/patrons?q={quote(json.dumps(query))}&_per_page=5", headers=_WITH_ATTRIBUTES)
        if isinstance(reply, Unreachable):
            return reply
        if reply.status != 200:
            return _refusal(reply)
        found = _body(reply)
        if not isinstance(found, list):
            return Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)
        ours = [patron for patron in found if isinstance(patron, dict) and self._carries(patron, token)]
        if len({_id_of(patron) for patron in ours}) > 1:
            return Refused(SyncReason.TOKEN_NOT_UNIQUE)
        return ours[0] if ours else None

    def _carries(self, patron: Json, token: str) -> bool:
        return any(mark.get("type") == self._attribute and mark.get("value") == token for mark in _attributes(patron))

    def _bring_up_to_date(
        self, current: Json, wanted: Mapping[str, Any], *, with_attributes: bool = True, unasked: bool = False
    ) -> Accepted | Refused | Unreachable:
        """Write ``wanted`` over ``current`` with everything else as it is; no request where nothing differs, but ``unasked``."""
        ils_id = _id_of(current)
        if not unasked and all(current.get(key) == value for key, value in wanted.items()):
            return Accepted(ils_id)
        body = {key: value for key, value in current.items() if key not in _READ_ONLY and key not in _KOHAS_OWN}
        if "cardnumber" in wanted and body.get("userid") == body.get("cardnumber"):
            body["userid"] = wanted["cardnumber"]
        body |= wanted
        body.pop("extended_attributes", None)
        if with_attributes:
            body["extended_attributes"] = [{"type": mark.get("type"), "value": mark.get("value")} for mark in _attributes(current)]
        reply = self._send("PUT", f"/patrons/{ils_id}", body=body)
        if isinstance(reply, Unreachable):
            return reply
        if reply.status in {200, 204}:
            return Accepted(ils_id)
        return _refusal(reply, ils_id)

    def _set_pin(self, ils_id: str, pin: str) -> Accepted | Refused | Unreachable:
        if not pin:
            return Accepted(ils_id)
        reply = self._send("POST", f"/patrons/{ils_id}/password", body={"password": pin, "password_2": pin})
        if isinstance(reply, Unreachable):
            return reply
        if reply.status in {200, 204}:
            return Accepted(ils_id)
        if reply.status == 400:
            return Refused(SyncReason.PIN_REFUSED)  # without the id: the next attempt then finds the patron by its token and sets the PIN
        return _refusal(reply, ils_id)

    def _make_trial(self, trial: Json) -> str | Refused | Unreachable:
        reply = self._send("POST", "/patrons", body=trial, headers=_NO_WELCOME | _NOT_A_DUPLICATE)
        if isinstance(reply, Unreachable):
            return reply
        if reply.status != 201:
            return _refusal(reply)
        return _id_of(_object(reply)) or Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)

    def _check_token(self, token: str, ils_id: str, trial: Json) -> list[Verdict]:
        """Whether the first trial patron is found by its token, and whether a second with the same token is refused."""
        found = self._find(token)
        if isinstance(found, Refused | Unreachable):
            verdicts = [Verdict("search by token", found.reason)]
        else:
            known_again = found is not None and _id_of(found) == ils_id
            verdicts = [Verdict("search by token", None if known_again else SyncReason.NOT_OURS)]
        second = self._make_trial(trial)
        if isinstance(second, str):
            verdicts.append(Verdict("token kept unique", SyncReason.TOKEN_NOT_UNIQUE, self._delete_trial(second, "").left_behind))
        else:
            unique = second.reason is SyncReason.ATTRIBUTE_NOT_UNIQUE
            verdicts.append(Verdict("token kept unique", None if unique else second.reason))
        return verdicts

    def _delete_trial(self, ils_id: str, subject: str) -> Verdict:
        reply = self._send("DELETE", f"/patrons/{ils_id}")
        if isinstance(reply, Unreachable):
            return Verdict(subject, reply.reason, ils_id)
        return Verdict(subject, left_behind="" if reply.status in {200, 204, 404} else ils_id)

    def _send(
        self, method: str, path: str, *, body: Json | None = None, headers: Mapping[str, str] | None = None
    ) -> "BaseHTTPResponse | Unreachable":
        """One request with a valid token; what says nothing about the patron comes back as Unreachable."""
        content = None if body is None else json.dumps(body).encode()  # ASCII: no name can fail to encode and end up in an exception
        sent = dict(headers or {}) | ({} if body is None else {"content-type": "application/json"})
        for attempt in range(2):
            access = self._bearer()
            if isinstance(access, Unreachable):
                return access
            try:
                reply = self._request(method, path, content, sent | {"authorization": f"Bearer {access}", "accept": "application/json"})
            except HTTPError:
                return Unreachable(SyncReason.NO_ANSWER)
            if reply.status != 401:
                return _unless_unreachable(reply)
            self._forget(access)
            if attempt == 1:
                break
        return Unreachable(SyncReason.CREDENTIALS_REFUSED)

    def _request(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> "BaseHTTPResponse":
        """One request as it is: no second try, and no redirect, for it could lead to anybody."""
        return self._http.request(method, self._endpoint + path, body=content, headers=headers, retries=False, redirect=False)

    def _bearer(self) -> str | Unreachable:
        """The access token, a fresh one where the last is about to end."""
        with self._lock:
            if self._access and self._clock() < self._access_until:
                return self._access
            form = {"grant_type": "client_credentials", "client_id": self._client_id, "client_secret": self._client_secret}
            try:
                reply = self._request(
                    "POST", "/oauth/token", urlencode(form).encode(), {"content-type": "application/x-www-form-urlencoded"}
                )
            except HTTPError:
                return Unreachable(SyncReason.NO_ANSWER)
            if reply.status in {400, 401, 403}:
                return Unreachable(SyncReason.CREDENTIALS_REFUSED)
            if reply.status == 404:
                return Unreachable(SyncReason.ENDPOINT_NOT_FOUND)
            checked = _unless_unreachable(reply)
            if isinstance(checked, Unreachable):
                return checked
            granted = _object(reply)
            access, lasts = granted.get("access_token"), granted.get("expires_in")
            if not isinstance(access, str) or not access:
                return Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)
            seconds = float(lasts) if isinstance(lasts, int | float) else 0.0
            self._access = access
            self._access_until = self._clock() + max(seconds - _RENEW_EARLY, seconds / 2)
            return access

    def _forget(self, access: str) -> None:
        """Drop a token that Koha refused, unless another thread has already replaced it."""
        with self._lock:
            if self._access == access:
                self._access = ""


def _is_stopped(patron: Json) -> bool:
    """Whether Koha lends nothing on this card by reason of the card itself, its end apart; what it owes is not asked for."""
    return any(patron.get(flag) is True for flag in _BLOCKS)


def _is_over(patron: Json, on: date) -> bool:
    expires = patron.get("expiry_date")
    return patron.get("expired") is True or (isinstance(expires, str) and expires < on.isoformat())


def _remark(patron: Json, on: date, *, renewed: bool) -> SyncReason | None:
    """What the library should see of a family's card that is linked as it is, or with a later end."""
    return SyncReason.EXISTING_CARD_BLOCKED if _is_stopped(patron) or (_is_over(patron, on) and not renewed) else None


def _later_end(patron: Json, on: date, renew_to: date | None) -> str | None:
    """The last day that a family's card is to get, or None if it keeps the one it has: a later one, none at all, or that of a card that is stopped."""
    ends = patron.get("expiry_date")
    if renew_to is None or renew_to < on or _is_stopped(patron) or not isinstance(ends, str) or not ends:
        return None
    later = renew_to.isoformat()
    return later if ends < later else None


def _besides_its_end(patron: Json) -> Json:
    """What a renewal must leave as it was; what Koha keeps by itself, and the order of attributes, apart."""
    kept = {key: value for key, value in patron.items() if key not in _KOHAS_OWN and key not in _OF_ITS_END}
    kept["extended_attributes"] = sorted((str(mark.get("type")), str(mark.get("value"))) for mark in _attributes(patron))
    return kept


def _unless_gone(reply: "BaseHTTPResponse", ils_id: str) -> Accepted | Refused | Unreachable:
    """Accepted where what was to be taken away, or its patron, is not there any more."""
    no = _refusal(reply, ils_id)
    return Accepted(ils_id) if no.reason is SyncReason.PATRON_GONE else no


def _safe_to_speak_to(endpoint: str) -> bool:
    parts = urlsplit(endpoint)
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        return False
    if parts.scheme == "https":
        return True
    try:
        here = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        here = False
    return parts.scheme == "http" and here


def _school_owned(patron: IlsPatron) -> Json:
    """What the school's data decides, in Koha's words; what is not known is left out, so that it is never erased."""
    always = {
        "cardnumber": patron.number,
        "surname": patron.last_name,
        "firstname": patron.first_name,
        "library_id": patron.branch,
        "category_id": patron.patron_type,
        "expiry_date": patron.expires_on.isoformat(),
    }
    where_known = {
        "middle_name": patron.middle_name,
        "date_of_birth": patron.birth_date.isoformat() if patron.birth_date else "",
        "address": patron.street,
        "city": patron.city,
        "state": patron.region,
        "postal_code": patron.postal_code,
        "phone": patron.phone,
    }
    return always | {key: value for key, value in where_known.items() if value}


def _as_said(patron: Json, fields: Sequence[str]) -> dict[str, str]:
    """The fields of one of the library's own patrons, in our words."""
    return {name: _own_words(patron, name) for name in fields}


def _own_words(patron: Json, name: str) -> str:
    def said(*keys: str) -> str:
        return " ".join(text for text in (str(patron.get(key) or "").strip() for key in keys) if text)

    match name:
        case "blocked":
            return "yes" if any(patron.get(key) for key in _BLOCKS) or (patron.get("account_balance") or 0) > 0 else "no"
        case "street":
            return said("street_number", "address")
        case "phone":
            return said("phone") or said("mobile")
        case _:
            return said(*_PATRON_KEYS[name])


def _unless_unreachable(reply: "BaseHTTPResponse") -> "BaseHTTPResponse | Unreachable":
    """The reply itself, unless its status says that no patron could have been served."""
    status = reply.status
    if status == 429:
        return Unreachable(SyncReason.TOO_MANY_REQUESTS, _seconds(reply))
    if status == 503:
        return Unreachable(SyncReason.UNDER_MAINTENANCE, _seconds(reply))
    if status >= 500:
        return Unreachable(SyncReason.ILS_FAILED)
    if status == 403:
        return Unreachable(SyncReason.NOT_PERMITTED)
    if status in {200, 201, 204, 400, 404, 409}:
        return reply
    return Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)


def _seconds(reply: "BaseHTTPResponse") -> float | None:
    """The seconds of a Retry-After header; a date there is left to the queue's own pace."""
    value = reply.headers.get("retry-after", "")
    return float(value) if value.isdecimal() else None


def _refusal(reply: "BaseHTTPResponse", ils_id: str = "") -> Refused | Unreachable:
    """The reason behind a 400, 404 or 409; ``ils_id`` names the patron that was asked about, if any.

    Koha's sentences name values, so none of them leaves this function.
    """
    body = _object(reply)
    if reply.status == 404:
        gone = bool(ils_id) and isinstance(body.get("error"), str)  # a proxy's 404 has no such thing
        return Refused(SyncReason.PATRON_GONE) if gone else Unreachable(SyncReason.ENDPOINT_NOT_FOUND)
    if reply.status == 409:
        conflict = body.get("conflict")
        if not isinstance(conflict, str):
            return Refused(SyncReason.POSSIBLE_EXISTING_PATRON, ils_id)
        return Refused(_KEYS.get(conflict.rpartition(".")[2], SyncReason.OTHER_KEY_TAKEN), ils_id)
    if reply.status == 400:
        return Refused(_bad_parameter(body), ils_id)
    return Unreachable(SyncReason.ANSWER_NOT_UNDERSTOOD)


def _bad_parameter(body: Json) -> SyncReason:
    code, error, parameters = body.get("error_code"), body.get("error"), body.get("parameters")
    if isinstance(code, str) and code in _ERROR_CODES:
        return _ERROR_CODES[code]
    sentence = error if isinstance(error, str) else ""
    unknown = re.fullmatch(r"Given (\w+) does not exist", sentence)
    if unknown:
        return _UNKNOWN_VALUE.get(unknown[1], SyncReason.FIELD_REFUSED)
    if isinstance(parameters, str) and parameters in _UNKNOWN_VALUE:
        return _UNKNOWN_VALUE[parameters]
    return SyncReason.LOGIN_NAME_TAKEN if sentence.startswith("Problem with ") else SyncReason.FIELD_REFUSED


def _body(reply: "BaseHTTPResponse") -> Any:  # noqa: ANN401  # whatever JSON there is; the callers look at its type
    try:
        return json.loads(reply.data)
    except ValueError:
        return None


def _object(reply: "BaseHTTPResponse") -> Json:
    body = _body(reply)
    return body if isinstance(body, dict) else {}


def _attributes(patron: Json) -> list[Json]:
    marks = patron.get("extended_attributes")
    return [mark for mark in marks if isinstance(mark, dict)] if isinstance(marks, list) else []


def _id_of(patron: Json) -> str:
    number = patron.get("patron_id")
    return str(number) if isinstance(number, int) else ""
