"""HTML of a client, for notebooks. All text is escaped. No password and no token is shown."""

from html import escape

_CELL = 'style="text-align:left;padding:2px 10px 2px 0;vertical-align:top"'


def client_html(kind: str, url: str, user: str, closed: bool) -> str:
    """The address, user and state of a client, as a table."""
    rows = [("url", url), ("user", user), ("state", "closed" if closed else "open")]
    body = "".join(f"<tr><th {_CELL}>{name}</th><td {_CELL}>{escape(text)}</td></tr>" for name, text in rows)
    return f'<div class="pixel-client"><b>{escape(kind)}</b><table><tbody>{body}</tbody></table></div>'
