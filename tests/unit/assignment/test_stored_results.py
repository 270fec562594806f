"""The table that notebook 12 loads is the one that its command makes today."""

from course_utils.assignment import given, results


def test_the_stored_table_was_made_by_the_recipes_of_today():
    """The tests do not train the networks: after a change of a recipe or a network, run the command again."""
    stored = results.load(given.STORED)
    wanted = {
        (m, f): recipes.get((m.__name__, f), recipes[f])
        for models, recipes, fractions in given.RUNS
        for m in models
        for f in fractions
    }
    assert set(stored) == {(m.__name__, f) for m, f in wanted}
    for (model, fraction), recipe in wanted.items():
        cell = stored[model.__name__, fraction]
        assert cell.settings.recipe == recipe
        assert cell.parameters == sum(p.numel() for p in model().parameters())
        assert cell.settings.images[0][0] == round(60_000 * fraction)
        assert cell.confusion.sum() == 10_000
    assert len({cell.settings.machine for cell in stored.values()}) == 1
