"""478 points of one face, by MediaPipe's attention mesh."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from affectscope.video.faces import Box, Face, tilt
from affectscope.video.patch import cut_out, square
from affectscope.video.quiet import quiet

AROUND = 1.5
"""How many times as wide as the face the region is that the network sees, as it was trained."""

SIDE = 192
"""Pixels of that region."""

POINTS = 478

_GRAPH = """
input_stream: "image"
input_stream: "region"
input_side_packet: "with_attention"
output_stream: "points"
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:region"
  input_side_packet: "WITH_ATTENTION:with_attention"
  output_stream: "LANDMARKS:points"
}
"""


class FaceMesh:
    """Fits a mesh to a detected face; one object serves one thread at a time.

    MediaPipe's own way to the mesh looks for faces first, or where the last one was. Here the
    network alone runs, on the region of a face that is known: that takes a third of the time, and a
    face gets the same points whatever was looked at before it.
    """

    def __init__(self) -> None:
        with quiet():
            import mediapipe
            from google.protobuf import text_format
            from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig
            from mediapipe.framework.formats.rect_pb2 import NormalizedRect
            from mediapipe.python import packet_creator, packet_getter
            from mediapipe.python._framework_bindings import (
                calculator_graph,
                image_frame,
                resource_util,
            )

            resource_util.set_resource_dir(str(Path(mediapipe.__file__).parents[1]))
            self._create, self._get = packet_creator, packet_getter
            self._format = image_frame.ImageFormat.SRGB
            self._whole = NormalizedRect(x_center=0.5, y_center=0.5, width=1, height=1)
            self._found: list[Any] = []
            self._time = 0
            config = text_format.Parse(_GRAPH, CalculatorGraphConfig())
            self._graph: Any = calculator_graph.CalculatorGraph(graph_config=config)
            self._graph.observe_output_stream(
                "points", lambda _, packet: self._found.append(packet)
            )
            self._graph.start_run({"with_attention": packet_creator.create_bool(True)})
            # The graph starts, and prints, in threads of its own: the first answer ends that.
            self._look(np.zeros((SIDE, SIDE, 3), np.uint8))
        self._silent = False

    def fit(self, image: NDArray[np.uint8], face: Face) -> NDArray[np.float32] | None:
        """Return the points of a face, float32 [478, 3]; None where the mesh sees no face there.

        Args:
            image: uint8 [height, width, 3], red, green, blue.
            face: Where it is.

        Returns:
            x and y in pixels of the picture, z away from the camera in the same unit, from the middle
            of the head. The last ten points are the irises, right and left.
        """
        where = _region(face)
        patch = cut_out(image, where, SIDE, cv2.BORDER_CONSTANT)
        if self._silent:
            found = self._look(patch)
        else:
            # The first face makes the graph print once more.
            with quiet():
                found = self._look(patch)
            self._silent = found is not None
        if found is None:
            return None
        points = found * SIDE
        points[:, :2] = points[:, :2] @ where[:, :2].T + where[:, 2]
        points[:, 2] *= math.hypot(*where[:, 0])
        return points if _inside(points, face.box) else None

    def _look(self, patch: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """Run the network; returns points in shares of the patch."""
        self._time += 1
        self._found.clear()
        packet = self._create.create_image_frame(patch, image_format=self._format)
        self._graph.add_packet_to_input_stream("image", packet.at(self._time))
        region = self._create.create_proto(self._whole)
        self._graph.add_packet_to_input_stream("region", region.at(self._time))
        self._graph.wait_until_idle()
        if not self._found:
            return None
        marks = self._get.get_proto(self._found[0]).landmark
        return np.array([(mark.x, mark.y, mark.z) for mark in marks], np.float32)

    def close(self) -> None:
        """Free the graph."""
        self._graph.close()


def _region(face: Face) -> NDArray[np.float64]:
    """Return the upright square around the box of a face."""
    x, y, width, height = face.box
    middle = (x + width / 2, y + height / 2)
    return square(middle, AROUND * max(width, height), tilt(face), SIDE)


def _inside(points: NDArray[np.float32], box: Box) -> bool:
    """Tell whether the middle of the points lies in the box of the face."""
    x, y, width, height = box
    across, down = points[:, :2].mean(0)
    return bool(x < across < x + width and y < down < y + height)
