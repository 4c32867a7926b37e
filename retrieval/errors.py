"""Errors of the retrieval library. A message holds the value that was wrong and the remedy."""


class RetrievalError(Exception):
    """Anything this library refuses to do."""


class EncoderError(RetrievalError):
    """An encoder that cannot be loaded, or an input it cannot encode."""


def over_window(tokens: int, window: int) -> EncoderError:
    return EncoderError(f"A text of {tokens} tokens is over the window of {window}: split it first.")


class UnreadableError(RetrievalError):
    """A file that cannot be read, or is refused before it is read to its end."""


class ReaderFailedError(UnreadableError):
    """The child that read a file died, took too long or too much memory, or met what it has no words for."""


class ReadersBusyError(UnreadableError):
    """So many files are being read that this one did not get its turn."""


class EncoderBusyError(EncoderError):
    """The encoder service has too much to do: trying again helps."""


class EncoderUnavailableError(EncoderError):
    """There is no encoder service where there should be one: trying again may help."""


class ImageError(UnreadableError):
    """An image that cannot be read, or is refused before it is decoded."""


class IndexUnusableError(RetrievalError):
    """An index that is missing, damaged, or made with another encoder or preprocessing."""


class IndexNotPublishedError(RetrievalError):
    """A new index version that could not be written; the version before stays in use."""


class AlignmentError(RetrievalError):
    """Text to image search, or a fit, without what it needs."""


class AdaptationError(RetrievalError):
    """A text encoder that cannot be taught, or a taught one that cannot be used."""
