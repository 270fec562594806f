"""One module for each command of ``python -m course_tools``, but for grading."""
