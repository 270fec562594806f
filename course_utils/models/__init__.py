"""The networks of the course, short and readable. Shape comments give what each line produces."""

from course_utils.models.lenet import CNNModel, LeNet5

__all__ = ["CNNModel", "LeNet5"]
