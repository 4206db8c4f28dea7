"""Shipped weights, their cards and licences, and how to run them."""

from affectscope.models.card import Card, Metric, cards, read_card
from affectscope.models.card import card as card
from affectscope.models.policy import LicensePolicy
from affectscope.models.runtime import Model, load, open_session

__all__ = [
    "Card",
    "LicensePolicy",
    "Metric",
    "Model",
    "card",
    "cards",
    "load",
    "open_session",
    "read_card",
]
