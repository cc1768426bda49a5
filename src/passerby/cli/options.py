"""Makes a command of a frozen dataclass: each option is declared once, as a field, and arrives as one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Options = TypeVar("Options", bound="DataclassInstance")


def command_of(options: type[Options], command: Callable[[Options], None]) -> Callable[..., None]:
    """Return a function for Typer that takes the fields of a dataclass as keywords and hands the command one value.

    Args:
        options: Its fields are annotated as Typer's parameters are and stand in the order of the help; those without a
            default must be given.
        command: Lends its name and its docstring, which is the help.
    """
    hints = get_type_hints(options, include_extras=True)

    def called(**given: Any) -> None:  # noqa: ANN401 - Typer has made each value of the field's type
        command(options(**given))

    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__annotations__ = hints
    vars(called)["__signature__"] = Signature(
        [
            Parameter(
                field.name,
                Parameter.KEYWORD_ONLY,
                default=Parameter.empty if field.default is MISSING else field.default,
                annotation=hints[field.name],
            )
            for field in fields(options)
        ]
    )
    return called
