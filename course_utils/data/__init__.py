"""Images to learn from: ``load("mnist")`` returns a training set and a test set, with or without a network.

A published data set is described in ``published``, downloaded in ``downloads`` and replaced offline by ``synthetic``;
an ``ImageSet``, in ``image_set``, selects, splits and resizes its images.
"""

from course_utils.data.image_set import ImageSet
from course_utils.data.loading import fraction, is_full, load
from course_utils.data.published import DataError
from course_utils.data.session import session

__all__ = ["DataError", "ImageSet", "fraction", "is_full", "load", "session"]
