"""The secret of a Standard Webhook, and a message's signatures (the specification's 1.0.0, symmetric scheme).

The secret is not stored. It is HMAC-SHA256 over the channel's salt under the installation's hash key: 256 bits, the
same whenever it is shown, and a copy of the database without that key signs nothing. A new salt is a new secret.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

FORMER_SALTS = 5  # five signatures more make a header of half a kilobyte


def salt_make() -> str:
    """The salt of a new secret."""
    return secrets.token_urlsafe(24)


def salts_former(*, salt: str, former: str, still: bool) -> str:
    """The salts whose secrets sign on beside a new one, the newest first, between spaces: the present one and, while
    they `still` sign, those before it. A receiver may know any of them: whoever replaces a secret twice cuts none off.
    """
    return " ".join([salt, *(former.split() if still else ())][:FORMER_SALTS])


def secret_make(*, salt: str, hash_key: str) -> str:
    """`whsec_…`, as receivers are given it."""
    digest = hmac.new(hash_key.encode(), f"notifications webhook secret {salt}".encode(), hashlib.sha256).digest()
    return f"whsec_{base64.b64encode(digest).decode()}"


def headers_sign(*, message_id: str, at: datetime, body: str, signing: Sequence[str]) -> dict[str, str]:
    """The three headers. One signature for each secret: while one is being replaced, receivers may know either."""
    signatures = [Webhook(secret).sign(msg_id=message_id, timestamp=at, data=body) for secret in signing]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
