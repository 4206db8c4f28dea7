"""The vocabulary of perceived emotion and the record types; no input, no output.

A session holds tracks, a track the segments of one subject in one modality, a segment an affect
over an interval. Categories live in named vocabularies with explicit maps between them and
coordinates on the circumplex.
"""

from affectscope.affect.circumplex import circumplex, coordinates
from affectscope.affect.maps import VocabularyMap, map_to_core, to_core
from affectscope.affect.purpose import PURPOSES, Purpose, check_purpose
from affectscope.affect.records import (
    SCHEMA_VERSION,
    Affect,
    Box,
    FusedTrack,
    LicenseClass,
    Modality,
    ModelRef,
    Notice,
    Segment,
    Session,
    Subject,
    SurveyResult,
    Track,
    Utterance,
    Word,
    affect_from,
)
from affectscope.affect.stream import (
    SEGMENT_LIMIT,
    MediaNoted,
    QualityNoted,
    Record,
    SegmentFound,
    SessionBuilder,
    SurveyScored,
    TrackOpened,
    UtteranceFound,
)
from affectscope.affect.vocabularies import VOCABULARIES, Vocabulary, vocabulary

__all__ = [
    "PURPOSES",
    "SCHEMA_VERSION",
    "SEGMENT_LIMIT",
    "VOCABULARIES",
    "Affect",
    "Box",
    "FusedTrack",
    "LicenseClass",
    "MediaNoted",
    "Modality",
    "ModelRef",
    "Notice",
    "Purpose",
    "QualityNoted",
    "Record",
    "Segment",
    "SegmentFound",
    "Session",
    "SessionBuilder",
    "Subject",
    "SurveyResult",
    "SurveyScored",
    "Track",
    "TrackOpened",
    "Utterance",
    "UtteranceFound",
    "Vocabulary",
    "VocabularyMap",
    "Word",
    "affect_from",
    "check_purpose",
    "circumplex",
    "coordinates",
    "map_to_core",
    "to_core",
    "vocabulary",
]
