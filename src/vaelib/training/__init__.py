"""Objectives, the loop that minimises them, and the store of runs."""
