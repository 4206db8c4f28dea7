"""Text of conversations: who wrote what, and which emotion it resembles."""

from affectscope.chat.analyzer import ChatAnalyzer
from affectscope.chat.messages import Message, parse_messages
from affectscope.chat.model import TextModel

__all__ = ["ChatAnalyzer", "Message", "TextModel", "parse_messages"]
