"""What is made out of the notebooks; run `python -m course_tools --help` for the commands."""
