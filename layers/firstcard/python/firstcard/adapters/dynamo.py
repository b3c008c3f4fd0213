"""One DynamoDB client for all items of a table.

pynamodb makes a connection, a session and a client for each class of item: five of them cost a function a third of its cold start.
"""

from collections.abc import Sequence

from pynamodb.models import Model


def open_table(name: str, items: Sequence[type[Model]], *, indexed: type[Model]) -> None:
    """Let ``items`` work on the table ``name`` through one client, made when first needed. ``indexed`` is the class that declares the table's indexes."""
    for item in items:
        item.Meta.table_name = name
        item._connection = None
    connection = indexed._get_connection()
    for item in items:
        item._connection = connection
