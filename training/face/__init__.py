"""The face-expression model: FER+ soft votes to a small convolutional network."""
