"""What ends a command or a stream: one tree, sorted by what the user does next.

The text of each is one sentence that says it, and holds neither the key nor anything of a record.
"""


class Problem(Exception):
    """Something was not read, or not to its end."""

    evidence = ""
    """For those who look into it: the request, what came of it, how often it was tried."""


class FixInput(Problem):
    """The user mends the configuration, a file, or what Close lets this key do."""


class FileError(FixInput):
    """A file that cannot be used; the sentence names it."""


class ConfigError(FixInput):
    """An option that cannot be used; the sentence names it."""


class CatalogError(FixInput):
    """A catalog that cannot be read."""


class StateError(FixInput):
    """A state that cannot be read: taken for none, it would be a full sync that nobody asked for."""


class StreamRefused(FixInput):
    """Close says that this key may not read the stream. A warning, where nothing of it was read before."""


class NothingThere(FixInput):
    """What was asked for does not exist, or no longer: a wrong address, or a parent that was deleted meanwhile."""


class TryLater(Problem):
    """Close, or the network on the way, had trouble for longer than the connector waits."""


class TellUs(Problem):
    """Close behaves in a way that this version does not know."""


class NoProgress(TellUs):
    """A walk cannot be exact. Those below are signals to a walk, which knows how to get round most of them."""


class OffsetCapReached(NoProgress):
    """Close refuses a `_skip` as high as this one."""

    def __init__(self) -> None:
        super().__init__("The list is longer than Close's offsets reach.")


class CursorRefused(NoProgress):
    """Close refuses a cursor: it is older than 30 seconds, or stands at the 10,000th row of its chain."""

    def __init__(self) -> None:
        super().__init__("Close refused a cursor that it had given out.")


class PageTooLarge(NoProgress):
    """Close refuses a `_limit` as high as this one; `limit` is what it allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Close allows no more than {limit} rows a page.")
        self.limit = limit


class RowsMoved(NoProgress):
    """A page does not join the one before."""

    def __init__(self) -> None:
        super().__init__("The rows of this list change their order faster than it can be read.")


class Stopped(Exception):
    """No problem: the sync is being given up, and the reader threads end at their next request."""
