"""The quantization bound for losses that are not quadratic."""
