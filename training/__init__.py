"""How the shipped weights are made; never imported by the product."""
