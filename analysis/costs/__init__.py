"""What compute costs: cost models, shapes of models, rooflines, training against serving."""
