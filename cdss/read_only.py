"""What goes on while the site is read-only: signing in, and what writes nothing though it is a POST."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])

_lifted: ContextVar[bool] = ContextVar("read_only_lifted", default=False)


def is_lifted() -> bool:
    return _lifted.get()


@contextmanager
def lifted() -> Iterator[None]:
    token = _lifted.set(True)
    try:
        yield
    finally:
        _lifted.reset(token)


def works_when_read_only(view: View) -> View:
    """A view that may be posted to and may write: signing in and out, and the lock itself."""

    @wraps(view)
    def lifting(*args: Any, **kwargs: Any) -> Any:
        with lifted():
            return view(*args, **kwargs)

    return writes_nothing(lifting)  # type: ignore[return-value]


def writes_nothing(view: View) -> View:
    """A view whose POST changes nothing but the audit trail."""
    view.works_when_read_only = True  # type: ignore[attr-defined]
    return view
