"""The way of a question to its answer: models, context, answer, citations, grounding. Imports ingest/,
retrieval/ and errors."""
