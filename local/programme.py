"""A programme on one machine: its example agreement with keys made here, addresses on this machine and a term that runs now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from firstcard.agreement import Agreement, Library, load_site
from local.district.delivery import OpenPgpKey, SshKey, new_openpgp_key, new_ssh_key

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Keys:
    """The keys of one district: its sender's OpenPGP key, our own for its files, and its SFTP key."""

    sender: OpenPgpKey
    ours: OpenPgpKey
    sftp: SshKey


@dataclass(frozen=True)
class Programme:
    """One agreement of a programme, ready to be deployed from ``folder``; ``name`` is its file's."""

    name: str
    folder: Path
    agreement: Agreement
    library: Library
    keys: Keys


def make_keys(folder: Path, district: str, *, now: datetime) -> Keys:
    """The district's keys, made once and kept in ``folder`` for this machine only."""
    path = folder / f"{district}.json"
    if not path.exists():
        sender, ours = (
            new_openpgp_key(label, created=now) for label in (f"{district} sender (synthetic)", f"firstcard {district} (synthetic)")
        )
        sftp = new_ssh_key("synthetic")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = {"sender": vars_of(sender), "ours": vars_of(ours), "sftp": vars_of(sftp)}
        path.touch(mode=0o600)
        path.write_text(json.dumps(made))
    kept = json.loads(path.read_text())
    return Keys(OpenPgpKey(**kept["sender"]), OpenPgpKey(**kept["ours"]), SshKey(**kept["sftp"]))


def vars_of(key: OpenPgpKey | SshKey) -> dict[str, str]:
    """A key's parts by name."""
    names = ("secret", "public", "fingerprint") if isinstance(key, OpenPgpKey) else ("private", "public")
    return {name: getattr(key, name) for name in names}


def programmes() -> list[str]:
    """The programmes that have an example: each the name of an agreement's file, of which ``files_of`` gives the others."""
    files = sorted(file.stem for file in (ROOT / "agreements").glob("*.yaml"))
    return [name for name in files if not any(name.startswith(f"{other}-") for other in files)]


def files_of(name: str) -> list[str]:
    """A programme's agreements: the file of its name, then all that begin with it and a hyphen, one for each further district or library."""
    return [name, *sorted(file.stem for file in (ROOT / "agreements").glob(f"{name}-*.yaml"))]


def agreements_of(name: str, neighbours: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The example agreements of a programme and the ``neighbours`` of its first one, by the names of their files.

    A neighbour has the example's clauses but its own; it is a further district under its name, or with a ``district`` of its own the agreement of that district with a further library.
    """
    written = {file: _clauses(file) for file in files_of(name)}
    clauses = written[name]
    beside = {
        file: clauses | {"district": file, "id": f"dsa-{file}-{its_own.get('library', clauses['library'])}"} | dict(its_own)
        for file, its_own in neighbours.items()
    }
    return written | beside


def _clauses(file: str) -> dict[str, Any]:
    clauses: dict[str, Any] = yaml.safe_load((ROOT / "agreements" / f"{file}.yaml").read_text("utf-8"))
    clauses["disposition"] = {
        "on" if key is True else key: value for key, value in clauses["disposition"].items()
    }  # YAML 1.1 reads on as true
    return clauses


def lay_out(
    name: str,
    *,
    folder: Path,
    endpoints: Mapping[str, str],
    today: date,
    only: tuple[str, ...] = (),
    change: Mapping[str, Any] | None = None,
    neighbours: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Programme]:
    """Write ``folder``/site for the example agreements of the programmes ``name`` (and ``only``) and give them, each district's and library's own.

    ``endpoints`` maps a library to its ILS's address here; ``change`` overrides top-level clauses, for tests. The rest of an example is left as it is.
    ``neighbours`` are more districts or libraries of the first example (``agreements_of``), for tests. Agreements of one district have the same keys, calendar and ids.
    """
    site = folder / "site"
    made: list[tuple[str, str, Keys]] = []
    for example in (name, *only):
        for file, clauses in agreements_of(example, (neighbours or {}) if example == name else {}).items():
            district, library = clauses["district"], clauses["library"]
            keys = make_keys(folder / "keys", district, now=datetime.now(UTC))
            its_own = (neighbours or {}).get(file, {}) if example == name else {}
            _write(site / "agreements" / f"{file}.yaml", _here(clauses, keys, today) | dict(change or {}) | dict(its_own))
            instance = yaml.safe_load((ROOT / "libraries" / f"{library}.yaml").read_text("utf-8"))
            instance["ils"]["endpoint"] = endpoints[library]
            if "patrons" in instance:
                instance["patrons"] |= {"effective": today - timedelta(days=60), "expires": today + timedelta(days=300)}
            _write(site / "libraries" / f"{library}.yaml", instance)
            made.append((file, f"{library}.{district}", keys))
    loaded = load_site(site)
    programmes = []
    for file, sharing, keys in made:
        agreement = loaded.of_sharing(sharing, None)
        assert agreement is not None
        programmes.append(Programme(file, site, agreement, loaded.library(agreement.library), keys))
    return programmes


def _here(clauses: dict[str, Any], keys: Keys, today: date) -> dict[str, Any]:
    exchange = clauses["exchange"] | {
        "organisation_ids": [f"{clauses['district']}-district"],
        "calendar": {"timezone": clauses["exchange"]["calendar"]["timezone"]},
        "signers": [keys.sender.public] if clauses["exchange"].get("signers") else [],
        "sftp_keys": [keys.sftp.public],
    }
    effective = today - timedelta(days=60)
    here = clauses | {"exchange": exchange, "term": clauses["term"] | {"effective": effective, "expires": today + timedelta(days=300)}}
    notice = clauses["basis"].get("notice")
    if notice:
        told = notice | {"published_on": effective - timedelta(days=60), "opt_out_by": effective - timedelta(days=20)}
        here["basis"] = clauses["basis"] | {"notice": told}
    return here


def _write(path: Path, body: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(dict(body), sort_keys=False, allow_unicode=True), "utf-8")
