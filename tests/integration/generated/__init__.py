"""Operators that Hypothesis invents, and a model of a night that knows DESIGN's promises and nothing of the engine."""
