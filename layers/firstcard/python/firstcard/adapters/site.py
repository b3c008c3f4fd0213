"""The agreements and libraries that were deployed, from the layer ``agreements``."""

from functools import cache
from importlib.resources import as_file, files

from firstcard.agreement import Site, load_site


@cache
def site() -> Site:
    """The deployed site, read once a process."""
    with as_file(files("firstcard_site")) as folder:
        return load_site(folder)
