"""What can go wrong. Each error names its cause and, where there is one, the cure; none holds a secret."""

from __future__ import annotations


class FreshkeyError(Exception):
    """Something could not be done. Errors that are none of the kinds below are of this machine: a file, a socket, the disk."""

    def __init__(self, cause: str, cure: str | None = None) -> None:
        super().__init__(cause, cure)
        self.cause = cause
        self.cure = cure

    def __str__(self) -> str:
        """Return cause and cure on one line."""
        text = self.cause if self.cure is None else f"{self.cause}. To cure it: {self.cure}"
        return " ".join(text.split())


class SignInNeeded(FreshkeyError):
    """Nobody is signed in to this profile, or the sign-in has ended."""


class ProviderUnavailable(FreshkeyError):
    """The provider can't be reached, or can't answer now. Trying again later helps."""


class RequestRefused(FreshkeyError):
    """The provider said no, and will say so again until somebody changes something."""


class KeyUnavailable(FreshkeyError):
    """There is no key for what is kept at rest, or it is another one."""


class ProfileUnusable(FreshkeyError):
    """There is no such profile, or its settings are wrong."""


class AgentUnavailable(FreshkeyError):
    """The agent does not answer, or is of another release."""


class ProviderUntrusted(FreshkeyError):
    """The provider can't be trusted: its certificate, its address, or who it says it is."""


class ProviderStrange(FreshkeyError):
    """The provider answered something that is no answer."""


# By the exit codes of `freshkey`, which never change their meaning.
_KINDS: dict[int, type[FreshkeyError]] = {
    3: SignInNeeded,
    4: ProviderUnavailable,
    5: RequestRefused,
    6: KeyUnavailable,
    7: ProfileUnusable,
    8: AgentUnavailable,
    9: ProviderUntrusted,
    10: ProviderStrange,
}


def _of_failure(code: int, cause: str, cure: str | None) -> FreshkeyError:
    """Make the error for a failure of the client. Called by the native module."""
    return _KINDS.get(code, FreshkeyError)(cause, cure)
