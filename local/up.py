"""`make up`: the one-machine cloud, kept running until Ctrl-C; what it holds is there again at the next `make up`."""

import argparse
import json
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rich.console import Console

from local.cloud.server import ROOT
from local.counting import Watch
from local.machine import DESK, Machine, alone
from local.outbox import write_outbox
from local.programme import Programme, programmes, vars_of

REFRESH_SECONDS = 3.0
LAST_WORK_SECONDS = 60.0
"""How long the end waits for functions at work."""
CREDENTIAL_SECONDS = 1500.0
"""Keys of a role last an hour; they are written anew well before."""


class _Pages(SimpleHTTPRequestHandler):
    """The outbox's files, and not a word in the terminal."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def write_environment(path: Path, variables: dict[str, str]) -> None:
    """A file for `source`, readable by its owner only."""
    kept = {name: value for name, value in variables.items() if name.startswith(("AWS_", "SSL_", "NODE_EXTRA"))}
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}='{value}'\n" for name, value in sorted(kept.items())))


def write_district(folder: Path, machine: Machine, programme: Programme) -> Path:
    """What `firstcard drop` needs for one district, and its SFTP key for a client of one's own."""
    district = programme.agreement.district
    server = machine.sftp(district)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = folder / f"{district}.json"
    key = folder / f"{district}.key"
    for path, text in (
        (
            settings,
            json.dumps(
                {
                    "host": server.host,
                    "port": server.port,
                    "account": server.account,
                    "host_key": server.host_key,
                    "recipient": programme.keys.ours.public,
                    "signer": vars_of(programme.keys.sender),
                    "sftp": vars_of(programme.keys.sftp),
                }
            ),
        ),
        (key, programme.keys.sftp.private),
    ):
        path.touch(mode=0o600)
        path.write_text(text)
    return key


def main(arguments: list[str] | None = None) -> int:
    """Start, print where everything is, wait for Ctrl-C, stop cleanly."""
    parser = argparse.ArgumentParser(prog="make up", description="The one-machine cloud, until Ctrl-C.")
    parser.add_argument("--programme", default="jacksonville", choices=programmes())
    chosen = parser.parse_args(arguments)
    console = Console()
    state = ROOT / ".local" / "up"
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    mine = alone(ROOT / ".local" / "up.lock")
    machine = Machine(state, [chosen.programme], datetime.now(UTC).date(), report=lambda _: None)
    with console.status("starting and deploying"):
        machine.start()
    try:
        _serve(machine, state, over, console)
        _let_it_end(machine, over, console)
    finally:
        with console.status("saving what it holds"):
            machine.stop()
        mine.close()
        console.print("Stopped. What it held is there again at the next `make up`.")
    return 0


def _serve(machine: Machine, state: Path, over: threading.Event, console: Console) -> None:
    outbox = state / "outbox"
    write_outbox(machine.cloud.outbox(), outbox)
    pages = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, directory=str(outbox)))
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    for district in dict.fromkeys(programme.agreement.district for programme in machine.deployed):
        its_own = [programme for programme in machine.deployed if programme.agreement.district == district]
        key = write_district(state / "districts", machine, its_own[0])
        server = machine.sftp(district)
        console.print(f"[bold]{its_own[0].agreement.parties.lea.name}[/] ({', '.join(one.name for one in its_own)})", soft_wrap=True)
        console.print(f"  drop a file:      .venv/bin/firstcard drop FILE --district {district}   (only to try it: --try)", soft_wrap=True)
        console.print(
            f"  or by hand:       sftp -i {key} -P {server.port} {server.account}@{server.host}   (incoming/, try/, preview/, outbox/)",
            soft_wrap=True,
        )
        for programme in its_own:
            page = machine.libraries[programme.library.id].page
            console.print(f"  library system:   {page}   ({programme.library.name})", soft_wrap=True)
    console.print(f"  e-mails:          http://127.0.0.1:{pages.server_address[1]}/")
    first = machine.deployed[0].agreement
    console.print(
        f"  decide a plan:    source {state / 'operator.env'}; .venv/bin/firstcard run list --district {first.district}", soft_wrap=True
    )
    console.print(
        f"  settle matches:   source {state / 'librarian.env'}; .venv/bin/firstcard matches list --library {first.library}", soft_wrap=True
    )
    for library in {programme.library.id: programme.library for programme in machine.deployed}.values():
        if library.patrons is not None:
            own = f"source {state / 'systems-librarian.env'}; .venv/bin/firstcard patrons import --from-ils --library {library.id} --site {machine.state / 'site'}"
            console.print(f"  its own patrons:  {own}", soft_wrap=True)
    console.print(f"  let days pass:    source {state / 'desk.env'}; .venv/bin/python -m local.later 15", soft_wrap=True)
    console.print("Ctrl-C ends it.")
    sys.stdout.flush()
    written, sent = -CREDENTIAL_SECONDS, -1
    while not over.is_set():
        if time.monotonic() - written > CREDENTIAL_SECONDS:
            write_environment(state / "operator.env", machine.cloud.environment("firstcard-operator"))
            write_environment(state / "librarian.env", machine.cloud.environment("firstcard-librarian"))
            write_environment(state / "systems-librarian.env", machine.cloud.environment("firstcard-systems-librarian"))
            write_environment(state / "desk.env", machine.cloud.environment(DESK))
            written = time.monotonic()
        now = sum(int(o["items"]) for o in machine.cloud.calls()["operations"] if o["operation"] == "SendBulkEmail")
        if now != sent:
            write_outbox(machine.cloud.outbox(), outbox)
            sent = now
        over.wait(REFRESH_SECONDS)
    pages.shutdown()


def _let_it_end(machine: Machine, over: threading.Event, console: Console) -> None:
    """What functions are at work on comes again after a restart, but only when their messages' time is over: up to a quarter of an hour."""
    over.clear()
    since = time.monotonic()
    with console.status("what was begun comes to its end (Ctrl-C again: it does not)"):
        Watch(machine, machine.deployed[0]).until_quiet(stop=lambda: over.is_set() or time.monotonic() - since > LAST_WORK_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
