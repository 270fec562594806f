"""``python -m course_utils.assignment`` trains the given networks and stores their results: see ``given.main``."""

from course_utils.assignment.given import main

main()
