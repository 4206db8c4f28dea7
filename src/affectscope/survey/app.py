"""The survey service."""

from __future__ import annotations

from typing import Any, ClassVar

from fastapi import Request
from starlette.responses import Response

from affectscope.service import (
    Service,
    ServiceSettings,
    analysis_responses,
    json_schema,
    own_port,
    read_settings,
)
from affectscope.survey.analyzer import SurveyAnalyzer
from affectscope.survey.filled import parse_filled
from affectscope.survey.instruments import INSTRUMENTS

BODY = {
    "type": "object",
    "required": ["instrument", "answers"],
    "properties": {
        "instrument": {"type": "string", "enum": list(INSTRUMENTS)},
        "answers": {
            "type": "array",
            "items": {"type": ["integer", "null"]},
            "description": "One whole number an item; null where the item has no answer.",
        },
        "respondent": {"type": "string", "default": "respondent"},
        "time": {"type": ["number", "null"], "description": "Seconds of the session's clock."},
    },
}
EXAMPLES = {
    "phq-9": {"instrument": "phq-9", "answers": [1, 2, 1, 0, 1, 0, 2, 0, 0]},
    "one answer missing": {"instrument": "phq-9", "answers": [1, 2, 1, 0, None, 0, 2, 0, 0]},
}


class SurveySettings(ServiceSettings):
    """Settings of the survey service."""

    service: ClassVar[str] = "survey"
    port: int = own_port("survey", 8004)


def create(settings: SurveySettings | None = None) -> Service:
    """Make the service; settings come from the environment where none are given."""
    service = Service(
        "survey",
        settings=settings or read_settings(SurveySettings),
        title="Affectscope: Survey Analysis",
        description="Scores PHQ-9, GAD-7 and WHO-5 by their published rules. A screening score is "
        "not a diagnosis.",
        endpoints=["/analyze-survey"],
    )
    analyzer = SurveyAnalyzer()

    @service.app.post(
        "/analyze-survey",
        tags=["analysis"],
        responses=analysis_responses(),
        openapi_extra=json_schema(BODY, EXAMPLES),
    )
    async def analyze_survey(request: Request) -> Response:
        """Score one filled questionnaire."""
        filled = parse_filled(await service.read_json(request))
        return await service.answer(
            request, lambda: analyzer.stream(**vars(filled)), modalities=("survey",)
        )

    @service.app.get("/instruments", tags=["analysis"])
    async def instruments() -> list[dict[str, Any]]:
        """List the instruments: items, answers, bands and the source of each rule."""
        return [
            {
                "name": one.name,
                "title": one.title,
                "keys": one.keys,
                "items": one.items,
                "answers": {one.lowest + i: text for i, text in enumerate(one.answers)},
                "bands": [[band.lowest, band.highest, band.name] for band in one.bands],
                "most_missing": one.most_missing,
                "sources": one.sources,
                "license": one.license,
            }
            for one in INSTRUMENTS.values()
        ]

    return service
