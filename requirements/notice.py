"""Write NOTICE: what Affectscope is made with, and under which licences.

Run it with the project's own environment after the requirements changed:
``.venv/bin/python requirements/notice.py``.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]

HEAD = """Affectscope
Copyright the Affectscope authors

The code is under the Apache License, Version 2.0 (see LICENSE).

Weights
-------
The models in src/affectscope/models/weights were made by the programs in training/. Each bears a
licence of its own, which its card (.toml) beside it states together with the data it was made of:

- face-expression: class unlicensed-data. Trained on FER2013 images (no open licence) with the
  FER+ labels (MIT).
- text-emotion: class share-alike. Fine-tuned from all-MiniLM-L6-v2 (Apache-2.0,
  sentence-transformers) on GoEmotions (CC BY 4.0, Google) and EmoBank (CC BY-SA 4.0, Buechel and
  Hahn). The tokenizer is that of all-MiniLM-L6-v2.
- voice-emotion: class non-commercial. Trained on RAVDESS (CC BY-NC-SA 4.0, Livingstone and Russo)
  and nEMO (CC BY-NC-SA 4.0, Christop).

The detector of speech, src/affectscope/speech/silero_vad.onnx, is a file of the package silero-vad
6.2.3 (MIT, Copyright (c) 2020-present Silero Team); its licence lies beside it.

Samples
-------
src/affectscope/samples/SOURCES.md names the origin of every sample. The portrait is of NASA and in
the public domain.

Questionnaires
--------------
PHQ-9 and GAD-7 may be used, copied and translated freely. The item texts of WHO-5 are under
CC BY-NC-SA 3.0 IGO and are not part of this package; its scoring rule is.

Libraries
---------
The package av bundles FFmpeg, and with it x264 and x265, which are under the GNU General Public
License, version 2 or later: whoever passes on an installation of Affectscope that includes that
package passes on GPL software. mediapipe bundles the models that it runs (Apache-2.0), and
pocketsphinx its acoustic and language models (BSD).

"""


def license_of(name: str) -> str:
    """Return what a package says of its licence, as briefly as it can be said."""
    try:
        fields = metadata(name)
    except PackageNotFoundError:
        return "not needed on the platform that wrote this"
    classified = [
        value.rsplit(" :: ", 1)[1]
        for value in fields.get_all("Classifier", [])
        if value.startswith("License :: ") and value.count(" :: ") > 1
    ]
    stated = (fields.get("License-Expression") or fields.get("License") or "").strip()
    if stated and len(stated.splitlines()) == 1 and len(stated) < 80:
        return stated
    if classified or stated:
        return ", ".join(classified) or stated.splitlines()[0][:80]
    # Neither named: the first line of the licence that the package brings says which it is.
    texts = [path for path in distribution(name).files or [] if path.name.startswith("LICENSE")]
    return texts[0].read_text().strip().splitlines()[0] if texts else "see the package"


def main() -> None:
    """Write the file."""
    text = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    names = sorted(set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE)))
    lines = "".join(f"- {name} : {license_of(name)}\n" for name in names)
    (ROOT / "NOTICE").write_text(HEAD + lines, encoding="utf-8")


if __name__ == "__main__":
    main()
