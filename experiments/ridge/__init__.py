"""PAR-ridge and how far it is from ridge."""
