"""One module per command of `python -m course_tools`; `release` is in `editions`, `grade` in `grading`."""
