"""``firstcard drop``: encrypt, sign and upload a file, as a district's nightly job would."""

import json
from pathlib import Path
from typing import Annotated

import typer

SETTINGS = Path(".local") / "up" / "districts"
FAILED = 1


def drop_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="The export, as the SIS wrote it.")
    ],
    district: Annotated[str, typer.Option(help="The district's short name in its agreement.")],
    settings: Annotated[Path | None, typer.Option(help="JSON with address, account and keys; `make up` writes one per district.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Upload as it is; only for agreements that allow it.")] = False,
    only_try: Annotated[
        bool, typer.Option("--try", help="Put it into try/: a receipt says what would become of it, and nothing is kept or issued.")
    ] = False,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview", help="Put it into preview/: the library can look at what it would do, nothing is issued, and it goes after a day."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a sentence.")] = False,
) -> None:
    """Encrypt and sign FILE with GnuPG and drop it over SFTP, first under a temporary name.

    Exits with 0 when the file lies under its final name, 1 when it could not be delivered, 2 if the command was used wrongly.
    """
    from local.district.delivery import (  # loads OpenPGP and SSH, which no other command needs
        DeliveryError,
        OpenPgpKey,
        SftpServer,
        SshKey,
        drop,
        protect,
    )

    if only_try and preview:
        raise typer.BadParameter("a file goes into try/ or into preview/: say one of --try and --preview")
    folder = "try" if only_try else "preview" if preview else "incoming"
    path = settings or SETTINGS / f"{district}.json"
    if not path.exists():
        raise typer.BadParameter(f"{path} is missing: start `make up`, or name your own with --settings")
    said = json.loads(path.read_text("utf-8"))
    server = SftpServer(host=said["host"], port=said["port"], account=said["account"], host_key=said["host_key"])
    data = file.read_bytes()
    name, tool = file.name, "as it is"
    try:
        if not plain:
            protected = protect(data, recipients=[said["recipient"]], signer=OpenPgpKey(**said["signer"]))
            data, name, tool = protected.data, f"{file.name}.gpg", protected.tool
        dropped = drop(data, name=name, server=server, key=SshKey(**said["sftp"]), folder=folder)
    except DeliveryError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from None
    if as_json:
        typer.echo(json.dumps({"path": dropped.path, "bytes": dropped.size, "protected_by": tool, "sent_by": dropped.tool}))
    else:
        then = f"The library can look at it now: firstcard run plan {name}" if preview else "The receipt appears in outbox/."
        typer.echo(f"{dropped.path}: {dropped.size:,} bytes, protected by {tool}, sent by {dropped.tool}. {then}")
