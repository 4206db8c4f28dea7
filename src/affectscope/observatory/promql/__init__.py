"""PromQL over the observatory's own metrics, with the answers of Prometheus."""

from affectscope.observatory.promql.engine import Engine, Sample, Series
from affectscope.observatory.promql.errors import QueryError
from affectscope.observatory.promql.source import Source

__all__ = ["Engine", "QueryError", "Sample", "Series", "Source"]
