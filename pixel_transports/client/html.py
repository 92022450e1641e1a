"""HTML of a client, for notebooks.

Rules kept here:

* Everything is escaped. No password and no token is in it.
"""

from html import escape

_CELL = 'style="text-align:left;padding:2px 10px 2px 0;vertical-align:top"'


def client_html(kind: str, url: str, who: str, closed: bool) -> str:
    """Where a client works and who it is, in a table."""
    rows = [("where", url), ("who", who), ("state", "closed" if closed else "open")]
    body = "".join(f"<tr><th {_CELL}>{name}</th><td {_CELL}>{escape(told)}</td></tr>" for name, told in rows)
    return f'<div class="pixel-client"><b>{escape(kind)}</b><table><tbody>{body}</tbody></table></div>'
