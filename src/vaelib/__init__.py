"""Beta-VAE on MNIST and rotated MNIST: data, networks, training and measurement behind the report."""
