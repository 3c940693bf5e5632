"""What is solved: designs, real data, named penalties."""
