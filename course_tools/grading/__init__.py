"""Grading a class: from the files that a learning platform hands out to grades.csv, a gradebook and feedback.

intake → what was handed in; assignment → the exercises, from the course's own notebooks; slicing → the part of a
notebook that an answer needs; screening → what no answer needs; sandbox → a process that can do nothing but compute;
worker, judging → one such process for each answer; pool → many at once; gradebook, report → what comes out.
"""
