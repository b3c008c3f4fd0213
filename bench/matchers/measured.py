"""Runs one job in this process and writes down the peak of its memory: ``python measured.py TOLD.json firstcard ARGUMENT…`` or ``… SCRIPT.py ARGUMENT…``.

``scan FILE…`` is the floor: DuckDB counts the rows and hashes every field of the files.
"""

import json
import resource
import runpy
import sys
from pathlib import Path


def peak_megabytes() -> float:
    """VmHWM, which unlike rusage knows nothing of the parent's memory; rusage where there is no /proc."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def scan(files: list[str]) -> None:
    import duckdb

    for file in files:
        duckdb.execute("select count(*), max(hash(columns(*))) from read_csv(?, all_varchar = true)", [file]).fetchall()


def run(job: str, arguments: list[str]) -> None:
    if job == "scan":
        scan(arguments)
        return
    sys.argv = [job, *arguments]
    if job == "firstcard":
        from cli.main import main

        main()
    else:
        sys.path[0] = str(Path(job).parent)
        runpy.run_path(job, run_name="__main__")


if __name__ == "__main__":
    out, name, *rest = sys.argv[1:]
    try:
        run(name, rest)
    finally:
        Path(out).write_text(json.dumps({"peak_mb": peak_megabytes()}))
