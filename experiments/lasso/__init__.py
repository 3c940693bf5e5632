"""PAR-lasso and its estimation error."""
