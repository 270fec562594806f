"""The course's commands; `python -m course_tools --help` lists them."""
