"""``firstcard key``: the keys that open a district's files, made, renewed and taken out without anybody seeing a secret half."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from firstcard.adapters.keyring_secret import ChangedMeanwhileError, KeyringSecret
from firstcard.sender.keys import KeyringError, Kind, OpeningKey, new_age_key, new_openpgp_key

NOT_DONE = 1
"""Exit code when the keys stay as they were; a command used wrongly exits with 2."""

TITLES: dict[Kind, str] = {"openpgp": "OpenPGP", "age": "age"}
ENDINGS: dict[Kind, str] = {"openpgp": "asc", "age": "age.txt"}

app = typer.Typer(no_args_is_help=True, help="Keys that a district encrypts its files for: list them, make and renew them, take one out.")

District = Annotated[str, typer.Option(help="The district's short name in its agreement.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        exists=True,
        file_okay=False,
        writable=True,
        help="Write the public halves there, as firstcard-DISTRICT.asc and firstcard-DISTRICT.age.txt.",
    ),
]


@app.command(name="list", epilog="Example: firstcard key list --district duval")
def list_keys(district: District, as_json: AsJson = False) -> None:
    """The keys that open this district's files now, the newest of a kind first."""
    with _said():
        keys = KeyringSecret(district).read().keyring.keys
    if as_json:
        typer.echo(json.dumps({"district": district, "keys": [_as_json(key) for key in keys]}, indent=2))
        return
    if not keys:
        typer.echo(f"No key opens files of {district}. Make one: firstcard key new --district {district}")
        return
    table = Table("kind", "made")
    table.add_column("fingerprint", no_wrap=True, min_width=max(len(key.fingerprint) for key in keys))
    for key in keys:
        table.add_row(TITLES[key.kind], key.made or "not known", key.fingerprint)
    Console().print(table)


@app.command(epilog="Example: firstcard key new --district duval --age --out keys")
def new(
    district: District,
    age: Annotated[bool, typer.Option("--age", help="Make an age key as well.")] = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Make an OpenPGP key for the district's files and show its public half; keys that are there stay valid.

    Exits with 0 when the key is in place, 1 when nothing was changed, 2 if the command was used wrongly.
    """
    _add(district, ("openpgp", "age") if age else ("openpgp",), out, as_json=as_json)


@app.command(epilog="Example: firstcard key rotate --district duval --out keys")
def rotate(district: District, out: Out = None, as_json: AsJson = False) -> None:
    """Make a new key of each kind that the district has; the old ones stay valid until each is revoked.

    Exits with 0 when the keys are in place, 1 when nothing was changed, 2 if the command was used wrongly.
    """
    _add(district, (), out, as_json=as_json)


@app.command(epilog="Example: firstcard key revoke 0123456789ABCDEF0123456789ABCDEF01234567 --district duval")
def revoke(
    fingerprint: Annotated[str, typer.Argument(metavar="FINGERPRINT", help="As `firstcard key list` shows it; for age, the age1… itself.")],
    district: District,
    yes: Annotated[bool, typer.Option("--yes", help="Take it out even if it is the last of its kind.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a key out: from then on files that are encrypted for it are refused.

    Exits with 0 when the key is out, 1 when nothing was changed, 2 if the command was used wrongly.
    """
    secret = KeyringSecret(district)
    with _said():
        kept = secret.read()
        left = kept.keyring.without(fingerprint)
        gone = [key for key in kept.keyring.keys if key not in left.keys]
        if not gone:
            raise typer.BadParameter(f"{district} has no key with this fingerprint; see: firstcard key list --district {district}")
        last = gone[0].kind not in {key.kind for key in left.keys}
        if last and not yes:
            _not_done(
                f"This is the last {TITLES[gone[0].kind]} key of {district}: without it no such file can be opened. "
                "Make another one first, or say --yes."
            )
        secret.write(left, after=kept.version)
    if as_json:
        typer.echo(
            json.dumps({"district": district, "revoked": gone[0].fingerprint, "keys": [_as_json(key) for key in left.keys]}, indent=2)
        )
    else:
        typer.echo(f"{gone[0].fingerprint} opens no file of {district} any more.")


def _add(district: str, kinds: tuple[Kind, ...], out: Path | None, *, as_json: bool) -> None:
    """Put a new key of each kind in front, of the kinds that are there where none is given, and only then show their public halves."""
    now = datetime.now(UTC)
    secret = KeyringSecret(district)
    with _said():
        kept = secret.read()
        old = kept.keyring.keys
        kinds = kinds or tuple(dict.fromkeys(key.kind for key in old))
        if not kinds:
            _not_done(f"{district} has no key to renew. Make one: firstcard key new --district {district}")
        made = [new_openpgp_key(f"FirstCard {district}", now=now) if kind == "openpgp" else new_age_key(now=now) for kind in kinds]
        secret.write(kept.keyring.with_new(*made), after=kept.version)
    written = {key.fingerprint: _written(out, district, key) for key in made} if out else {}
    if as_json:
        told = [{**_as_json(key), **({"file": written[key.fingerprint]} if written else {})} for key in made]
        typer.echo(json.dumps({"district": district, "new": told, "still_valid": [key.fingerprint for key in old]}, indent=2))
        return
    for key in made:
        where = f", in {written[key.fingerprint]}" if written else ":"
        typer.echo(f"{TITLES[key.kind]} key {key.fingerprint}{where}", err=True)
        if not written:
            typer.echo(key.public.strip())
    typer.echo("Send the district the public half, and compare the fingerprint by telephone.", err=True)
    for key in old:
        typer.echo(
            f"Still valid: {key.fingerprint}. When the district uses the new one: firstcard key revoke {key.fingerprint} --district {district}",
            err=True,
        )


def _written(folder: Path, district: str, key: OpeningKey) -> str:
    path = folder / f"firstcard-{district}.{ENDINGS[key.kind]}"
    path.write_text(key.public.strip() + "\n", "ascii")
    return str(path)


def _as_json(key: OpeningKey) -> dict[str, str]:
    return {"kind": key.kind, "fingerprint": key.fingerprint, "made": key.made, "public": key.public}


@contextmanager
def _said() -> Iterator[None]:
    """Say in a sentence what AWS or the secret has against it."""
    try:
        yield
    except ChangedMeanwhileError:
        _not_done("Somebody else changed the keys at the same time. Look at them again: firstcard key list")
    except KeyringError as error:
        _not_done(f"The keys cannot be read: {error}.")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        advice = {
            "ResourceNotFoundException": "there is no secret for this district: is its stack deployed, in this account and region?",
            "AccessDeniedException": "these credentials may not read or change the district's keys.",
        }
        _not_done(f"{code}: {advice.get(code, 'AWS refused the call.')}")
    except BotoCoreError as error:
        _not_done(f"AWS cannot be reached with these settings: {type(error).__name__}.")


def _not_done(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(NOT_DONE)
