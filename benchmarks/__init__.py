"""The course's training loop beside others that a user might pick; ``python -m benchmarks`` runs it."""
