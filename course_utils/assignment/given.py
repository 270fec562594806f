"""The models, recipes and published numbers of the assignment on Fashion-MNIST. Notebook 12.

``python -m course_utils.assignment`` trains the models on the whole data set and stores the results. It takes about
thirty minutes on two cores. Stored runs are not repeated: to repeat them, delete the file.
"""

from course_utils import data
from course_utils.assignment import results
from course_utils.assignment.experiments import train_all
from course_utils.assignment.results import Results
from course_utils.assignment.settings import Recipe
from course_utils.files import PROJECT
from course_utils.models import MLP, FashionCNN, LeNet, LeNet_tiny, Net_Linear, SeparableCNN, ThinResNet

STORED = "results/12_fashion_table.json"  # in the notebooks' folder
GIVEN = (Net_Linear, LeNet_tiny, LeNet, FashionCNN)
MORE = (MLP, SeparableCNN, ThinResNet)

# One recipe for all models, with fewer epochs on more images; chosen on 5 000 held-out training images.
RECIPES: dict[float | tuple[str, float], Recipe] = {
    0.01: Recipe(epochs=12, batch_size=32, lr=0.05),
    0.1: Recipe(epochs=5, batch_size=32, lr=0.05),
    1: Recipe(epochs=4, batch_size=32, lr=0.05),
    ("LeNet", 1): Recipe(epochs=10, batch_size=32, lr=0.05),
    # with 0.05, its consecutive linear layers make the loss infinite within a few steps
    ("FashionCNN", 0.01): Recipe(epochs=6, batch_size=32, lr=0.02),
    ("FashionCNN", 0.1): Recipe(epochs=3, batch_size=32, lr=0.02),
    ("FashionCNN", 1): Recipe(epochs=3, batch_size=32, lr=0.02),
}
# For ThinResNet on the whole data set; chosen on the same images.
THIN_RECIPE = Recipe(epochs=12, batch_size=128, lr=0.2, label_smoothing=0.1, mirror=True)

# The stored runs: models, recipes, fractions of the training images.
RUNS = [(GIVEN + MORE[:2], RECIPES, (0.01, 0.1, 1)), (MORE[2:], RECIPES | {1: THIN_RECIPE}, (0.01, 0.1, 1))]

# The lecture's table: test accuracy in per cent, and seconds on the lecture's machine.
LECTURE = {
    "Net_Linear": {0.01: (66.5, 1.03), 0.1: (80.2, 3.7), 1: (83.7, 58.4)},
    "LeNet_tiny": {0.01: (55.0, 1.95), 0.1: (79.8, 7.7), 1: (87.4, 129.2)},
    "LeNet": {0.01: (73.7, 6.15), 0.1: (83.7, 30.9), 1: (91.2, 536.0)},
    "FashionCNN": {0.01: (72.8, 4.75), 0.1: (83.7, 27.4), 1: (89.7, 454.7)},
}


def main() -> None:
    """Train the given models and three more on 1 %, 10 % and 100 % of the images, and store the results.

    Runs that are already stored, with the same settings, are not repeated.
    """
    train, test = data.load("fashion_mnist")
    if not train.full:
        raise SystemExit("The table needs all images: set COURSE_DATA, and unset COURSE_FRACTION.")
    file = PROJECT / "notebooks" / STORED
    everything = Results()
    for models, recipes, fractions in RUNS:
        found = train_all(models, recipes, train, test, fractions=fractions, file=file)
        print(found, flush=True)
        if len(found) < len(models) * len(fractions):  # interrupted
            return
        everything |= found
    results.save(file, everything)  # in this order, and without runs of older recipes
