"""Questionnaires: PHQ-9, GAD-7 and WHO-5, scored by their published rules."""

from affectscope.survey.analyzer import SurveyAnalyzer, check_answers, score
from affectscope.survey.filled import Filled, parse_filled
from affectscope.survey.instruments import INSTRUMENTS, Band, Instrument, instrument

__all__ = [
    "INSTRUMENTS",
    "Band",
    "Filled",
    "Instrument",
    "SurveyAnalyzer",
    "check_answers",
    "instrument",
    "parse_filled",
    "score",
]
