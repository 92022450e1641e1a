"""Running flows, cancellation, forks, per-loop values and the environment."""
