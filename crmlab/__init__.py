"""A laboratory and course on customer relationship management (CRM).

The rooms load when they are first named: ``crmlab.collect``, ``crmlab.company``, ``crmlab.datasets``,
``crmlab.survey``, ``crmlab.network``, ``crmlab.value``, ``crmlab.plot``, ``crmlab.replicate``,
``crmlab.practice``, ``crmlab.grading``.
"""

from importlib import import_module
from importlib.metadata import version
from types import ModuleType

__all__ = [
    "collect", "company", "datasets", "grading", "network", "plot", "practice", "replicate", "survey", "value"
]  # fmt: skip
__version__ = version("crmlab")


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"crmlab.{name}")
    raise AttributeError(f"crmlab has no room {name!r}; its rooms are {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
