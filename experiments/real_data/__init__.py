"""Data that come with scikit-learn."""
