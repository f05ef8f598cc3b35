"""Send a text to a chat: Slack's JSON, which Mattermost and others read too."""

import json
import logging
import os
import threading
import urllib.error
import urllib.request
from urllib.parse import urlsplit

WEBHOOK = "TENURE_ALERT_WEBHOOK"
SECONDS = 10
_TIMED_OUT = f"no answer within {SECONDS} seconds"

_logger = logging.getLogger(__name__)


def webhook_address() -> str:
    """Return the address in $TENURE_ALERT_WEBHOOK; an empty text if there is none."""
    return os.environ.get(WEBHOOK, "").strip()


def send(url: str, message: str) -> bool:
    """Post `message` to `url`, in at most SECONDS; return whether the server took it.

    A failure is logged in one line, without the path of the URL, which is a secret.
    """
    answers: list[str | None] = []
    # A thread, because the timeout of a socket is not enough. It does not limit a slow name server,
    # nor a server that sends one byte now and then.
    thread = threading.Thread(target=lambda: answers.append(_post(url, message)), daemon=True)
    thread.start()
    thread.join(SECONDS)
    problem = answers[0] if answers else _TIMED_OUT
    if problem:
        _logger.warning("Alert not sent, it will be tried again: %s", problem)
    return not problem


def _post(url: str, message: str) -> str | None:
    """Return None if the server took `message`, else the problem in words."""
    # Slack asks for this escape. Without it, data could become a link or a mention of everyone.
    text = message.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    try:
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            return f"{WEBHOOK} is no http or https address"
        request = urllib.request.Request(
            url,
            data=json.dumps({"text": text}).encode(),
            headers={"Content-Type": "application/json; charset=utf-8"},
        )
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS):
            return None
    except urllib.error.HTTPError as error:
        return f"{address.hostname} answered with status {error.code}"
    except Exception as error:
        # The message of the error may quote the URL, so only its kind is shown.
        reason = getattr(error, "reason", None)
        cause = reason if isinstance(reason, OSError) else error
        if isinstance(cause, TimeoutError):
            return _TIMED_OUT
        return getattr(cause, "strerror", None) or type(cause).__name__


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the message would lose its text there, or end up in a file."""

    def redirect_request(self, *_: object) -> None:
        """Return None: there is no request to go on with."""
