"""Versions of all that is stored: raised by one when the same input would give other numbers, and only then.

A run is known by its spec, which holds the version of its objective (`objectives`); a baseline and a group of
scores are cached under theirs. Golden numbers of each (`tests/golden.py`) ask for a higher version when they
change, so that moving, renaming or documenting code measures nothing again, and whatever a higher version
touches is that alone.
"""

BASELINES = {"pca": 2, "ica": 2, "untrained": 2, "supervised": 2, "digit_classifier": 2}
"""Of what is fitted to the images of a spec, by name."""

SCORES = {
    "rate": 2,
    "traversals": 2,
    "total_correlation": 2,
    "pairwise": 2,
    "reconstruction": 2,
    "generation": 2,
    "bound": 2,
    "information": 2,
    "separation": 2,
    "explicitness": 2,
    "forest": 2,
    "lasso": 2,
    "sampling": 2,
    "haar": 2,
    "rotation": 2,
    "digit_swept": 2,
    "names": 2,
    "angle": 2,
    "digit": 2,
    "agreement": 2,
}
"""Of the scores of a code, by group, and of the agreement between the codes of several seeds."""

MEASURED = {
    "codes of turned digits": 1,
    "isolation": 1,
    "rotation by the pose": 1,
    "pose between bins": 1,
    "angles to the theory": 1,
    "latents": 1,
}
"""Of what pages measure of a run beside its scores."""
