"""The way of a question to its answer: models, context, answer, citations, grounding. Imports retrieval/ (and
errors)."""
