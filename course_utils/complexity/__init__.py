"""Parameters (``profiling``), MACs (``macs``) and times (``stopwatch``) of a network, layer by layer (notebook 11), and
the pixels that an output sees (notebook 07): ``field_rules`` has a rule per operation, ``fields`` the arithmetic.
"""

from course_utils.complexity.layer_table import Layer, Profile
from course_utils.complexity.profiling import count_parameters, profile
from course_utils.complexity.receptive_fields import (
    ReceptiveField,
    Seen,
    receptive_field,
    receptive_field_by_gradient,
)
from course_utils.complexity.stopwatch import seconds

__all__ = [
    "Layer",
    "Profile",
    "ReceptiveField",
    "Seen",
    "count_parameters",
    "profile",
    "receptive_field",
    "receptive_field_by_gradient",
    "seconds",
]
