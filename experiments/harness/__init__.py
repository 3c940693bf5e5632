"""What runs, checks, keeps, draws and reports experiments; it knows no penalty."""
