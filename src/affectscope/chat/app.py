"""The chat service."""

from __future__ import annotations

from typing import ClassVar

from fastapi import Request
from starlette.responses import Response

from affectscope.chat.analyzer import ChatAnalyzer
from affectscope.chat.messages import LONGEST_MESSAGE, MOST_MESSAGES, parse_messages
from affectscope.service import (
    Service,
    ServiceSettings,
    analysis_responses,
    json_schema,
    own_port,
    read_settings,
)

BODY = {
    "oneOf": [
        {
            "type": "object",
            "required": ["messages"],
            "properties": {
                "messages": {
                    "type": "array",
                    "maxItems": MOST_MESSAGES,
                    "items": {
                        "type": "object",
                        "required": ["text"],
                        "properties": {
                            "speaker": {"type": "string"},
                            "time": {
                                "type": ["number", "string", "null"],
                                "description": "Seconds, or ISO 8601; one kind in a chat.",
                            },
                            "text": {
                                "type": "string",
                                "description": f"At most {LONGEST_MESSAGE} bytes of UTF-8.",
                            },
                        },
                    },
                }
            },
        },
        {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
    ]
}
EXAMPLES = {
    "conversation": {
        "messages": [
            {"speaker": "Ann", "time": 0, "text": "The tickets are sold out."},
            {"speaker": "Ben", "time": 8.5, "text": "Oh no, I was so looking forward to it!"},
        ]
    },
    "one text": {"text": "Thank you so much, this made my day."},
}


class ChatSettings(ServiceSettings):
    """Settings of the chat service."""

    service: ClassVar[str] = "chat"
    port: int = own_port("chat", 8003)


def create(settings: ChatSettings | None = None) -> Service:
    """Make the service; settings come from the environment where none are given."""
    analyzer = ChatAnalyzer()
    service = Service(
        "chat",
        settings=settings or read_settings(ChatSettings),
        title="Affectscope: Chat Analysis",
        description="Emotions that the text of messages resembles, one track per speaker. English "
        "only.",
        endpoints=["/analyze-chat"],
        warm_up=analyzer.load,
    )

    @service.app.post(
        "/analyze-chat",
        tags=["analysis"],
        responses=analysis_responses(),
        openapi_extra=json_schema(BODY, EXAMPLES),
    )
    async def analyze_chat(request: Request) -> Response:
        """Judge the messages of a conversation, or one text."""
        document = await service.read_json(request)
        return await service.answer(
            request, lambda: analyzer.stream(parse_messages(document)), modalities=("text",)
        )

    return service
