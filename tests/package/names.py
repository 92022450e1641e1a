"""The tables of public names in the READMEs: `python -m tests.package.names` writes them anew.

Rules kept here:

* A public module has an `__all__`; all other modules are private. Examples import from public modules only.
* The description of a name is the first sentence of its docstring, or of the text below its assignment.
"""

import ast
import importlib
import inspect
import re
from pathlib import Path

from tests.support.paths import ROOT

PAGES = {
    "pixel_core/README.md": ["pixel_core"],
    "pixel_transports/README.md": ["pixel_transports"],
    "pixel_transports/adapters/README.md": ["pixel_transports.adapters"],
    "pixel_transports/sandbox/README.md": ["pixel_transports.sandbox"],
    "pixel_transports/shards/README.md": ["pixel_transports.shards"],
    "pixel_transports/testing/README.md": ["pixel_transports.testing", "pixel_transports.testing.checks"],
    "pixel_transports/pixel_client/README.md": ["pixel_client"],
}
"""The modules whose names stand in a table of a page."""

OTHERS = {
    "pixel_client.auth",
    "pixel_client.exceptions",
    "pixel_client.gis",
    "pixel_client.models",
    "pixel_client.settings",
    "pixel_client.types",
    "pixel_client.utils",
    "pixel_core.models",
    "pixel_transports.testing.plugin",
}
"""Public modules without a table: those that only move names of existing users, and the models."""

PUBLIC = OTHERS.union(*PAGES.values())

EXAMPLES = [
    *(ROOT / page for page in ("README.md", "pixel_transports/RECIPES.md", "pixel_core/README.md")),
    *sorted((ROOT / "pixel_transports").rglob("README.md")),
    *sorted(path for path in (ROOT / "tests/system/embedding").glob("[a-z]*.py") if "test_" not in path.name),
]


def names(module: str) -> list[str]:
    """The public names of a module, without the models, which `pixel_core.models` has."""
    public: list[str] = importlib.import_module(module).__all__
    models = importlib.import_module("pixel_core.models").__all__ if module == "pixel_client" else []
    return sorted(set(public) - set(models) - {"__version__"}, key=lambda name: (name.lower(), name))


def description(module: str, name: str) -> str:
    """The first sentence about a name. Raises ValueError if there is none."""
    found = getattr(importlib.import_module(module), name)
    text = _text_below(module, name)
    if text is None and (inspect.isclass(found) or inspect.isroutine(found) or inspect.ismodule(found)):
        text = inspect.getdoc(found)
    if not text:
        raise ValueError(f"{module}.{name} has no docstring")
    paragraph = " ".join(inspect.cleandoc(text).split("\n\n")[0].split())
    return re.split(r"(?<=\.)\s", paragraph)[0].rstrip(".").replace("|", "\\|")


def _text_below(module: str, name: str) -> str | None:
    """The text below the assignment of a name, in the module that assigns it."""
    source = Path(str(importlib.import_module(module).__file__)).read_text(encoding="utf-8")
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            package = module if node.level else ""
            return _text_below(f"{package}.{node.module}".lstrip("."), name) if node.module else None
    for before, after in zip(tree.body, tree.body[1:], strict=False):
        targets = [before.target] if isinstance(before, ast.AnnAssign) else getattr(before, "targets", [])
        if name in [getattr(target, "id", None) for target in targets] and isinstance(after, ast.Expr):
            return str(ast.literal_eval(after.value))
    return None


def block(module: str) -> str:
    """The table of a module between the marks that it is found by."""
    rows = "".join(f"| `{name}` | {description(module, name)} |\n" for name in names(module))
    return f"<!-- names: {module} -->\n\n| `{module}` | |\n| --- | --- |\n{rows}\n<!-- end of names -->"


def written(text: str, module: str) -> str:
    """The block of a module as it stands in a page; empty if there is none."""
    found = re.search(rf"<!-- names: {re.escape(module)} -->.*?<!-- end of names -->", text, re.DOTALL)
    return found[0] if found else ""


def imports(path: Path) -> set[str]:
    """The modules of the project that an example imports from: a program, or the blocks of Python in a page."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if path.suffix == ".md" else [text]
    modules: set[str] = set()
    for source in blocks:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                modules |= (full & PUBLIC) or {node.module}
    return {name for name in modules if name.startswith(("pixel_core", "pixel_transports", "pixel_client"))}


def main() -> None:
    for page, modules in PAGES.items():
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        if "<!-- names:" not in text:
            text += "\n## Public names\n\nEverything else is private.\n"
        for module in modules:
            old = written(text, module)
            text = text.replace(old, block(module)) if old else f"{text}\n{block(module)}\n"
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
