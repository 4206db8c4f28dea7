"""Who is told of alerts is said by variables, and a wrong one is named."""

from __future__ import annotations

import pytest

from affectscope.errors import InvalidValue
from affectscope.observatory.alerts.settings import AlertSettings
from affectscope.observatory.settings import ObservatorySettings
from affectscope.service import read_settings

PREFIX = "AFFECTSCOPE_OBSERVATORY_"


class TestChannels:
    """There is one channel for each webhook, and one for e-mail."""

    def test_nobody_is_told_by_default(self) -> None:
        assert AlertSettings().channels("http://here") == []

    def test_webhooks_and_receivers_are_read_by_comma(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(f"{PREFIX}ALERT_WEBHOOKS", "http://a.example/x, http://b.example/,")
        monkeypatch.setenv(f"{PREFIX}ALERT_EMAIL_TO", "ada@example.org,bob@example.org")

        settings = read_settings(ObservatorySettings)

        assert settings.alert_webhooks == ("http://a.example/x", "http://b.example/")
        assert settings.alert_email_to == ("ada@example.org", "bob@example.org")
        assert [one.name for one in settings.channels("http://here")] == [
            "webhook",
            "webhook",
            "email",
        ]

    def test_the_password_is_not_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(f"{PREFIX}SMTP_PASSWORD", "s3cret")

        settings = read_settings(ObservatorySettings)

        assert settings.smtp_password.get_secret_value() == "s3cret"
        assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERT_WEBHOOKS", "here"),
        ("ALERT_EMAIL_TO", "ada"),
        ("ALERT_EMAIL_TO", "ada@"),
        ("ALERT_SECONDS", "0"),
        ("SMTP_PORT", "70000"),
        ("SMTP_STARTTLS", "perhaps"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)

    with pytest.raises(InvalidValue, match=f"{PREFIX}{name} is"):
        read_settings(ObservatorySettings)
