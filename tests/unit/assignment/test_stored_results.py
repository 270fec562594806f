"""The table that notebook 12 loads is the one that its command makes today."""

import json

from course_utils import assignment
from course_utils.assignment import results
from course_utils.assignment.experiments import Recipe


def test_the_stored_table_was_made_by_the_recipes_of_today():
    """It is not trained again by the tests: whoever changes a recipe or a network must make it anew."""
    stored = results.load(assignment.STORED)
    wanted = {
        (m, f): recipes.get((m.__name__, f), recipes[f])
        for models, recipes, fractions in assignment.RUNS
        for m in models
        for f in fractions
    }
    assert set(stored) == {(m.__name__, f) for m, f in wanted}
    for (model, fraction), recipe in wanted.items():
        cell = stored[model.__name__, fraction]
        assert Recipe(**cell.settings["recipe"]) == recipe
        assert cell.parameters == sum(p.numel() for p in model().parameters())
        assert cell.settings["images"][0][0] == round(60_000 * fraction)
        assert sum(map(sum, cell.confusion)) == 10_000
    assert len({json.dumps(cell.settings["machine"]) for cell in stored.values()}) == 1
