"""Conversations in the forms that people have them in."""

from affectscope.chat.formats.reading import (
    FORMATS,
    Conversation,
    OpenConversation,
    open_conversation,
    read_conversation,
)

__all__ = ["FORMATS", "Conversation", "OpenConversation", "open_conversation", "read_conversation"]
