"""Which edition of the course this is. In the zip for students, `release` sets `STUDENTS` to True."""

STUDENTS = False
