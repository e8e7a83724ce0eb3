"""Questions made from documents: what can be asked for, what a question must not be, and the file they are kept in."""
