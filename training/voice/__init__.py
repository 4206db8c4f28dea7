"""The voice model: acted speech of RAVDESS and nEMO to eight emotions."""
