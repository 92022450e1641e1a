"""Progress bars, features, maps and HTML for notebooks."""
