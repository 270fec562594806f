"""The fused form of an optimizer: the same step, and only if the user chose nothing else."""

import pytest
import torch
from torch import nn

from course_utils.training.fused import use_fused_step


@pytest.mark.parametrize("rule", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_a_fused_step_is_the_same_step(rule):
    results = []
    for fused in (False, True):
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        optimizer = rule(model.parameters(), lr=0.1, weight_decay=0.01)
        if fused:
            use_fused_step(optimizer)
            assert optimizer.param_groups[0]["fused"]
        for _ in range(5):
            optimizer.zero_grad()
            model(torch.ones(4, 3)).square().sum().backward()
            optimizer.step()
        results.append(list(model.parameters()))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("options", [{"foreach": False}, {"fused": False}, {"lr": torch.tensor(0.1)}])
def test_what_the_user_chose_stays(options):
    optimizer = torch.optim.Adam(nn.Linear(3, 2).parameters(), **options)
    use_fused_step(optimizer)
    assert not optimizer.param_groups[0]["fused"]
