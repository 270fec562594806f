"""Compare the course's training loop with others; ``python -m benchmarks`` runs the comparison."""
