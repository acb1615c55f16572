"""The shape of the house: what is public, that it is documented, and which room may use which."""

import ast
import inspect
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

import convo_widgets
from convo_widgets import errors

ROOT = Path(__file__).parent.parent
NAMES = [name for name in convo_widgets.__all__ if name != "__version__"]


def test_public_names_are_sorted_and_complete():
    """What the stub imports by name is what it lists, in order, once each, and every name is there when it is used."""
    stub = ast.parse((ROOT / "convo_widgets/__init__.pyi").read_text())
    imported = [alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    (listed,) = [node.value for node in stub.body if isinstance(node, ast.Assign)]
    assert ast.literal_eval(listed) == sorted(imported) == convo_widgets.__all__
    assert all(hasattr(convo_widgets, name) for name in imported)


def test_nothing_is_imported_before_it_is_used():
    """The package itself costs nothing, and a service or a client needs no table library."""
    code = "import sys, convo_widgets as cw; cw.LocalService, cw.connect; print('pandas' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == "False"


def _is_documented(thing: object) -> bool:
    own = vars(thing).get("__doc__") if inspect.isclass(thing) else getattr(thing, "__doc__", None)
    return bool(own and own.strip()) and not own.startswith(f"{getattr(thing, '__name__', '')}(")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_public_is_documented(name):
    """Every public class and function has a docstring of its own, and so has every public method and property."""
    thing = getattr(convo_widgets, name)
    if not str(getattr(thing, "__module__", "")).startswith("convo_widgets"):
        return  # an alias of Literals or of a builtin: there is nothing to hang a docstring on
    assert _is_documented(thing)
    if inspect.isclass(thing):
        members = [(key, value) for key, value in vars(thing).items() if not key.startswith("_")]
        bare = [
            key
            for key, value in members
            if isinstance(value, property | classmethod | staticmethod | types.FunctionType)
            and not inspect.getdoc(getattr(thing, key))
        ]
        assert not bare


def _drawn() -> set[str]:
    """The names in the tree of errors.py's docstring."""
    words = (errors.__doc__ or "").replace(",", " ").split()
    return {word for word in words if word.isidentifier()}


@pytest.mark.parametrize(
    "kind",
    [
        value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception) and not name.startswith("_")
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_error_is_drawn_and_exported(kind):
    """An error that cannot be found cannot be caught."""
    assert kind.__name__ in _drawn()
    assert kind.__name__ in errors.__all__
    assert getattr(convo_widgets, kind.__name__) is kind
    assert kind.__name__ in convo_widgets.__all__


def test_the_error_tree_is_drawn_as_it_is():
    """Each line's depth in the drawing is the depth in the class tree."""
    lines = (errors.__doc__ or "").splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip() == "ConvoError")
    for line in lines[start + 1 :]:
        if "──" not in line:
            break
        depth = line.index("──") // 4
        drawn = line.replace("(", " ").split()
        name = next(word for word in drawn if word.isidentifier())
        bases = [base for base in getattr(errors, name).__mro__ if base.__name__ in errors.__all__]
        assert len(bases) == depth + 1, name


def test_errors_import_the_standard_library_alone():
    """Everything imports errors, so errors may drag nothing in."""
    tree = ast.parse(Path(errors.__file__).read_text(encoding="utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert modules <= set(sys.stdlib_module_names) | {"__future__"}


def test_the_arrows_between_rooms_point_one_way():
    """import-linter's contracts of pyproject.toml hold."""
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or "lint-imports"
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout
