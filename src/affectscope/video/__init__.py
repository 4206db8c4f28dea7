"""Faces in videos and images: found, followed, and judged expression by expression."""

from affectscope.video.analyzer import VideoAnalyzer
from affectscope.video.crop import crop_faces
from affectscope.video.detector import Face, FaceDetector
from affectscope.video.expression import ExpressionModel
from affectscope.video.tracker import FaceTracker

__all__ = ["ExpressionModel", "Face", "FaceDetector", "FaceTracker", "VideoAnalyzer", "crop_faces"]
