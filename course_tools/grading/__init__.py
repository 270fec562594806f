"""Grade a class: from the files of a learning platform to grades.csv, a gradebook and feedback.

`grader` runs the other modules in this order: `submissions` reads what was handed in, `matching` finds the assignments
in it, `exercises` reads the tasks from the course's own notebooks, `plan` decides what has to be judged. `pool` starts
processes (`worker`), which judge each answer (`judging`) in a child that can only compute (`sandbox`, `seccomp`).
`slicing` finds the part of a notebook that an answer needs, `screening` and `pristine` detect attacks on the judge.
`verdict` defines the result; `results`, `gradebook` and `feedback` write it.
"""
