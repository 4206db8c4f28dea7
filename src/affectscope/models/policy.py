"""Which licence classes an installation allows itself."""

from __future__ import annotations

import os
from enum import StrEnum

from affectscope.errors import InvalidValue, ModelNotPermitted
from affectscope.models.card import Card, cards


class LicensePolicy(StrEnum):
    """``any`` allows all shipped weights; ``permissive`` those that commercial use may build on."""

    ANY = "any"
    PERMISSIVE = "permissive"

    @classmethod
    def from_environment(cls) -> LicensePolicy:
        """Return the policy that ``AFFECTSCOPE_LICENSE`` names; ``any`` where it is unset.

        Raises:
            InvalidValue: It names none.
        """
        value = os.environ.get("AFFECTSCOPE_LICENSE", "") or "any"
        if value not in list(cls):
            raise InvalidValue(f"AFFECTSCOPE_LICENSE is {value!r}; valid: {', '.join(cls)}")
        return cls(value)

    def allows(self, card: Card) -> bool:
        """Tell whether weights of this card may be used."""
        return self is LicensePolicy.ANY or card.license_class in ("permissive", "share-alike")

    def check(self, card: Card) -> None:
        """Let weights through.

        Raises:
            ModelNotPermitted: This policy excludes them.
        """
        if not self.allows(card):
            left = ", ".join(one.name for one in cards() if self.allows(one)) or "none"
            raise ModelNotPermitted(
                f"{card.name} is of licence class {card.license_class!r}, which the policy "
                f"{str(self)!r} excludes; it allows permissive and share-alike weights, "
                f"which leaves: {left}",
                model=card.name,
                license_class=card.license_class,
            )
