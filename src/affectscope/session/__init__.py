"""One occasion as one record: compose the modalities, put them on one clock, fuse, write files."""

from affectscope.session.combine import PERSON, combine
from affectscope.session.compose import analyze
from affectscope.session.exports import COLUMNS, rows, write
from affectscope.session.fusion import METHOD, fuse

__all__ = ["COLUMNS", "METHOD", "PERSON", "analyze", "combine", "fuse", "rows", "write"]
