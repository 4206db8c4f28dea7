"""The chat service."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from affectscope.affect import QualityNoted, Record
from affectscope.chat.analyzer import ChatAnalyzer
from affectscope.chat.bulk import received, records
from affectscope.chat.formats import FORMATS, read_conversation
from affectscope.chat.messages import LONGEST_MESSAGE, MOST_MESSAGES, parse_messages
from affectscope.errors import InvalidValue
from affectscope.service import (
    Service,
    ServiceSettings,
    Upload,
    analysis_responses,
    json_schema,
    multipart_schema,
    own_port,
    read_settings,
)
from affectscope.service.answers import Analysis, Produce, wishes
from affectscope.service.pool import WorkerPool

_CALLERS = 8
"""Requests that are prepared at once for each text that is judged at once.

They mostly wait for the network, and those that wait together are judged together.
"""

_SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while another one wants it.

A small request passes through several threads on its way. With Python's 5 ms, each step could wait
that long for the threads that read a long conversation.
"""

_BULK = 2
"""Long conversations that are answered at once; as many may wait."""

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


Part = Annotated[
    str | None, Query(description="Which channel or file, of a zip that holds several.")
]


class ChatSettings(ServiceSettings):
    """Settings of the chat service."""

    service: ClassVar[str] = "chat"
    port: int = own_port("chat", 8003)


class ChatService(Service):
    """The chat service: small requests first, long conversations beside them.

    Args:
        settings: What the environment says.
    """

    def __init__(self, settings: ChatSettings) -> None:
        self.analyzer = ChatAnalyzer(threads=settings.workers)
        self._bulk = WorkerPool("chat-bulk", _BULK, _BULK)
        super().__init__(
            "chat",
            settings=settings.model_copy(update={"workers": settings.workers * _CALLERS}),
            title="Affectscope: Chat Analysis",
            description="Emotions that the text of messages resembles, one track per speaker. "
            "English only.",
            endpoints=["/analyze-chat", "/analyze-chat-batch"],
            warm_up=self.analyzer.load,
        )

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """End the threads of the analyzer with the service."""
        before = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        async with super().lifespan(app):
            try:
                yield
            finally:
                sys.setswitchinterval(before)
                self._bulk.close()
                await asyncio.to_thread(self.analyzer.close)

    def admit_bulk(self, request: Request) -> None:
        """Refuse what would be refused anyway, before a long body arrives.

        Raises:
            Overloaded: Too many long conversations are being answered.
            RequestError: A bad query, or one that asks for a profile.
        """
        if wishes(request, ("text",)).profile is not None:
            raise InvalidValue(
                "profile=true needs a JSON answer; valid here: /analyze-chat", field="profile"
            )
        self._bulk.admit()

    async def answer_bulk(self, request: Request, produce: Produce) -> Response:
        """Stream records from a worker that small requests do not wait for."""
        wanted = replace(wishes(request, ("text",)), streamed=True)
        # No profile is taken of a streamed answer: the lock is nobody else's.
        return await Analysis(
            *(request, self._bulk, produce, wanted, asyncio.Lock()), self.telemetry.predictions
        ).answer()


def create(settings: ChatSettings | None = None) -> Service:
    """Make the service; settings come from the environment where none are given."""
    service = ChatService(settings or read_settings(ChatSettings))
    _add_analysis(service)
    _add_batch(service)
    return service


def _add_analysis(service: ChatService) -> None:
    analyzer = service.analyzer

    @service.app.post(
        "/analyze-chat",
        tags=["analysis"],
        responses=analysis_responses(),
        openapi_extra=_body_or_file(json_schema(BODY, EXAMPLES)),
    )
    async def analyze_chat(
        request: Request,
        explain: Annotated[
            bool,
            Query(
                description="Add what each word does to the top labels; takes many times longer."
            ),
        ] = False,
        part: Part = None,
    ) -> Response:
        """Judge the messages of a conversation, or one text; JSON, or a file in `chat_file`."""
        if not _is_multipart(request):
            document = await service.read_json(request)
            return await service.answer(
                request,
                lambda: analyzer.stream(parse_messages(document), explained=explain),
                modalities=("text",),
            )
        async with service.upload(request, "chat_file", modalities=("text",)) as upload:
            return await service.answer(
                request,
                lambda: _records(analyzer, upload, part, explain),
                modalities=("text",),
            )


def _records(
    analyzer: ChatAnalyzer, upload: Upload, part: str | None, explain: bool
) -> Iterator[Record]:
    with upload.path.open("rb") as file:
        conversation = read_conversation(file, upload.filename, upload.content_type, part=part)
    for notice in conversation.notices:
        yield QualityNoted(modality="text", flag=notice.code, message=notice.message)
    yield from analyzer.stream(conversation.messages, explained=explain)


def _add_batch(service: ChatService) -> None:
    analyzer, settings = service.analyzer, service.settings

    @service.app.post(
        "/analyze-chat-batch",
        tags=["analysis"],
        responses=analysis_responses(),
        openapi_extra=_body_or_file(
            {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/x-ndjson": {
                            "schema": {
                                "type": "string",
                                "description": 'One message a line, `{"speaker", "time", '
                                '"text"}`; or any other form that is read: '
                                f"{', '.join(FORMATS)}, gzip and zip of them.",
                            }
                        }
                    },
                },
                "parameters": json_schema({}, {})["parameters"],
            }
        ),
    )
    async def analyze_chat_batch(request: Request, part: Part = None) -> Response:
        """Judge a conversation of any length, line by line, with progress; in the background.

        The answer is `application/x-ndjson`: a record a message, a `progress` record every few
        hundred, the `conversation` as a whole, and an `end`. Small requests go first.
        """
        service.admit_bulk(request)
        if _is_multipart(request):
            async with service.upload(request, "chat_file", modalities=("text",)) as upload:
                return await service.answer_bulk(
                    request,
                    lambda: records(
                        *(analyzer, upload.path.open("rb"), upload.filename),
                        *(upload.content_type, part),
                    ),
                )
        kind = request.headers.get("content-type")
        async with received(
            request, settings.upload_limit_bytes, settings.body_idle_seconds
        ) as file:
            return await service.answer_bulk(
                request, lambda: records(analyzer, file, None, kind, part)
            )


def _is_multipart(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def _body_or_file(extra: dict[str, Any]) -> dict[str, Any]:
    """Document that a body may also come as a file."""
    file = multipart_schema(
        {"chat_file": f"A conversation: {', '.join(FORMATS)}, gzip or zip of them."},
        required=("chat_file",),
    )
    content = {**extra["requestBody"]["content"], **file["requestBody"]["content"]}
    return {**extra, "requestBody": {"required": True, "content": content}}
