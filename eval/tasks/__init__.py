"""The kinds of question that suites ask."""
