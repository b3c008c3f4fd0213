"""``python -m tests.fuzz.intake --seconds 60 [--corpus DIR]``: the intake fuzzed under the guidance of its own coverage, by atheris.

Exits with 0 if the time went by without a finding, 1 if a promise was broken (atheris writes the input to ``--findings``; ``--replay FILE`` shows what it
makes), 3 where atheris is not installed: it has wheels for some Pythons on Linux only. The last lines say how many inputs were tried and how much was covered.
"""

import argparse
import sys
import tempfile
from pathlib import Path

NOT_INSTALLED = 3
INSTRUMENTED = ["firstcard.roster", "firstcard.receipt", "cli.check"]


def replay(file: Path) -> None:
    """Show the roster that an input makes, and what becomes of it."""
    from tests.fuzz.rosters import TODAY, Choices, a_roster
    from tests.fuzz.target import read_and_look, read_under

    data, under = a_roster(Choices(file.read_bytes()))
    sys.stdout.buffer.write(data)
    print("\n", read_under(data, file_name="roster.zip", terms=under, today=TODAY))
    read_and_look(data, under)


def main() -> None:
    """Fuzz, or replay one input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="the same seed tries the same inputs while time lasts; 0 draws one")
    parser.add_argument("--corpus", type=Path, help="keeps the inputs that reached something new; a folder that is thrown away if left out")
    parser.add_argument("--findings", type=Path, default=Path(), help="where an input that breaks a promise is written")
    parser.add_argument("--replay", type=Path, help="an input to be looked at")
    given = parser.parse_args()
    if given.replay:
        replay(given.replay)
        return
    try:
        import atheris
    except ImportError:
        print("atheris is not installed here: nothing was fuzzed under guidance; the bounded run is part of the tests.")
        sys.exit(NOT_INSTALLED)
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.fuzz.target import examine
    with tempfile.TemporaryDirectory() as passing:
        corpus = given.corpus or Path(passing)
        corpus.mkdir(parents=True, exist_ok=True)
        # A start for each seed, so that no form has to be found first.
        for seed in range(27):
            (corpus / f"seed-{seed:02d}").write_bytes(bytes([0, seed, 3]) + bytes(range(32)))
        options = [
            f"-max_total_time={given.seconds}",
            f"-seed={given.seed}",
            "-max_len=256",
            "-len_control=0",
            f"-artifact_prefix={given.findings}/",
            "-print_final_stats=1",
            "-rss_limit_mb=4096",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus)], examine)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
