"""What every HTTP service shares: the one factory, its settings, and the process that serves."""

from affectscope.service.answers import flag
from affectscope.service.bodies import parse_object
from affectscope.service.documentation import (
    analysis_responses,
    json_schema,
    multipart_schema,
    problem_responses,
)
from affectscope.service.factory import JSON_LIMIT, Service
from affectscope.service.health import Check
from affectscope.service.heaps import limit_heaps
from affectscope.service.live import (
    LiveConnection,
    LiveDoor,
    close_code,
    purpose_of,
    read_options,
    read_purpose,
)
from affectscope.service.problems import problem_response
from affectscope.service.security import INTERNAL_HEADER, OPERATOR_HEADER, is_operator
from affectscope.service.server import LIFELINE, run_service
from affectscope.service.settings import (
    OBSERVATORY_PORT,
    LiveSettings,
    ServiceSettings,
    address_beside,
    is_loopback,
    own_port,
    read_settings,
)
from affectscope.service.uploads import Form, Upload, check_length, chunks

__all__ = [
    "INTERNAL_HEADER",
    "JSON_LIMIT",
    "LIFELINE",
    "OBSERVATORY_PORT",
    "OPERATOR_HEADER",
    "Check",
    "Form",
    "LiveConnection",
    "LiveDoor",
    "LiveSettings",
    "Service",
    "ServiceSettings",
    "Upload",
    "address_beside",
    "analysis_responses",
    "check_length",
    "chunks",
    "close_code",
    "flag",
    "is_loopback",
    "is_operator",
    "json_schema",
    "limit_heaps",
    "multipart_schema",
    "own_port",
    "parse_object",
    "problem_response",
    "problem_responses",
    "purpose_of",
    "read_options",
    "read_purpose",
    "read_settings",
    "run_service",
]
