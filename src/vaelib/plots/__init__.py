"""Figures: one function a figure; each returns a matplotlib Figure and never saves or shows it."""
