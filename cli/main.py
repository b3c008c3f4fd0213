"""The ``firstcard`` command."""

import typer

from cli import agreement, check, cost, drop, key, match, matches, patrons, run, sample, stop, why

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Every student a library card: check agreements and rosters, drop rosters, look at and decide runs, say why a child has no card, match students and patrons, and see what it costs.",
)
app.add_typer(agreement.app, name="agreement")
app.add_typer(run.app, name="run")
app.add_typer(key.app, name="key")
app.add_typer(matches.app, name="matches")
app.add_typer(patrons.app, name="patrons")
app.command(name="check", epilog="Example: firstcard check export.zip --agreement agreements/jacksonville.yaml")(check.check)
app.command(name="sample", epilog="Example: firstcard sample --format oneroster_1_1 --students 1000 --errors 0.5% --out samples")(
    sample.sample
)
app.command(name="why", epilog="Example: firstcard why --district duval (it then asks for the student's id)")(why.why)
app.command(name="drop", epilog="Example: firstcard drop roster.zip --district duval")(drop.drop_file)
app.command(name="match", epilog="Example: firstcard match --students roster.csv --patrons patrons.csv --out decisions.csv")(match.match)
app.command(name="suspend", epilog="Example: firstcard suspend jaxpl.duval")(stop.suspend)
app.command(name="resume", epilog="Example: firstcard resume jaxpl.duval")(stop.resume)
app.command(name="cost", epilog="Example: firstcard cost calls.json --cards 2000")(cost.cost)


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
