"""Public names of a package that are imported on first use."""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_imports(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` (PEP 562) of a package whose names are imported on first use.

    Args:
        package: Name of the package.
        homes: Module in the package of each name; a name that is itself a module is its own.
    """

    def imported(name: str) -> object:
        """Import a public name from its module.

        Raises:
            AttributeError: The package has no such name.
        """
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{homes[name]}")
        return module if homes[name] == name else getattr(module, name)

    return imported
