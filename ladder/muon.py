"""Muon for the matrices of small models on a CPU. Knows nothing of what is trained.

torch.optim.Muon orthogonalises in bfloat16, matrix by matrix; processors without bfloat16 units take ten times
longer over that than over float32, and here the matrices of one shape go through together.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch

# Quintic Newton-Schulz coefficients of Jordan et al., https://kellerjordan.github.io/posts/muon/
A, B, C = 3.4445, -4.7750, 2.0315
NUM_ITERATIONS = 5


def orthogonalize(matrices: torch.Tensor) -> torch.Tensor:
    """Nearest semi-orthogonal matrices, roughly: (M, rows, columns) with every singular value brought near 1."""
    wide = matrices if matrices.shape[-2] <= matrices.shape[-1] else matrices.mT
    x = wide / (torch.linalg.matrix_norm(wide, keepdim=True) + 1e-7)
    for _ in range(NUM_ITERATIONS):
        gram = x @ x.mT
        x = A * x + (B * gram + C * gram @ gram) @ x
    result: torch.Tensor = x if wide is matrices else x.mT
    return result


class Muon(torch.optim.Optimizer):
    """Nesterov momentum whose update is orthogonalised; decoupled weight decay. Parameters must be matrices."""

    def __init__(
        self, params: Iterable[torch.nn.Parameter], *, lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[torch.nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                by_shape[parameter.shape].append(parameter)
            for shape, parameters in by_shape.items():
                momentum = torch.stack([self._momentum(p, group["momentum"]) for p in parameters])
                gradient = torch.stack([p.grad for p in parameters if p.grad is not None])
                update = orthogonalize(gradient.lerp(momentum, group["momentum"]))
                scale = max(1.0, shape[0] / shape[1]) ** 0.5
                for parameter, direction in zip(parameters, update, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(direction, alpha=-group["lr"] * scale)

    def _momentum(self, parameter: torch.nn.Parameter, momentum: float) -> torch.Tensor:
        state = self.state[parameter]
        buffer = state.setdefault("momentum", torch.zeros_like(parameter))
        assert isinstance(buffer, torch.Tensor) and parameter.grad is not None
        return buffer.lerp_(parameter.grad, 1 - momentum)
