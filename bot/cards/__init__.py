"""Hero cards: a description as a picture, drawn without a model and without a network."""
