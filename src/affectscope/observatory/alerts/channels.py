"""The ways to tell people that the settings ask for."""

from __future__ import annotations

from collections.abc import Sequence

from affectscope.observatory.alerts.notify import Channel, Mail, MailServer, Webhook


def channels(
    webhooks: Sequence[str],
    mail_to: Sequence[str],
    mail_from: str,
    server: MailServer,
    external_url: str,
) -> list[Channel]:
    """Return a channel for each webhook, and one for e-mail where there are receivers.

    Args:
        webhooks: Addresses.
        mail_to: Receivers of e-mail.
        mail_from: Its sender.
        server: Takes it.
        external_url: Where the alerts can be seen.
    """
    found: list[Channel] = [Webhook(url, external_url) for url in webhooks]
    if mail_to:
        found.append(Mail(server, mail_from, mail_to, external_url))
    return found
