"""Muon's orthogonalisation and its place beside torch's own."""

import torch

from ladder.muon import Muon, orthogonalize


def test_every_singular_value_comes_near_one() -> None:
    matrices = torch.randn(3, 24, 64, generator=torch.Generator().manual_seed(0))
    for batch in (matrices, matrices.mT):
        values = torch.linalg.svdvals(orthogonalize(batch))
        assert values.min() > 0.3 and values.max() < 1.5


def test_a_matrix_is_orthogonalised_alike_alone_and_in_a_batch() -> None:
    matrices = torch.randn(4, 16, 16, generator=torch.Generator().manual_seed(1))
    alone = torch.stack([orthogonalize(matrix[None])[0] for matrix in matrices])
    assert torch.allclose(alone, orthogonalize(matrices), atol=1e-4)


def test_the_first_steps_agree_with_torchs_muon() -> None:
    generator = torch.Generator().manual_seed(2)
    start, gradients = torch.randn(16, 32, generator=generator), torch.randn(3, 16, 32, generator=generator)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    optimizers = (Muon([ours], lr=0.02, weight_decay=0.01), torch.optim.Muon([theirs], lr=0.02, weight_decay=0.01))
    for gradient in gradients:
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = gradient.clone()
            optimizer.step()
    # torch's orthogonalises in bfloat16.
    assert torch.allclose(ours, theirs, atol=5e-3)
    assert not torch.allclose(ours, start, atol=5e-3)
