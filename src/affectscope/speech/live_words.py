"""The words of live phrases, found in threads of their own, so that nothing else waits for them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from affectscope.affect import UtteranceFound
from affectscope.speech.activity import Speech
from affectscope.speech.hearing import speaker_name, utterance
from affectscope.speech.transcript import Transcriber
from affectscope.telemetry import Timings, stage


class LiveWords:
    """Finds words for all live clients of a service.

    Args:
        engine: Transcribes.
        threads: Phrases that are transcribed at once.
    """

    def __init__(self, engine: Transcriber, threads: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="speech-words")

    async def find(self, phrase: Speech, timings: Timings) -> UtteranceFound | None:
        """Return what was said in a phrase, None where that is nothing.

        Args:
            phrase: What was spoken.
            timings: Get the stage ``transcribe``.
        """
        return await asyncio.wrap_future(self._threads.submit(self._find, phrase, timings))

    def _find(self, phrase: Speech, timings: Timings) -> UtteranceFound | None:
        with timings.activate(), stage("transcribe"):
            said = self._engine.transcribe(phrase)
        if not said.text:
            return None
        return UtteranceFound(utterance=utterance(phrase, said, self._engine.name, speaker_name(1)))

    async def close(self) -> None:
        """Drop what waits and let what runs end by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
