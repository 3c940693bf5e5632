"""AProx, proximal stochastic gradient and ProxQuant: regret, last iterates, levels held, traps."""
