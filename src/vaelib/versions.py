"""Versions of all that is kept: raised by one when the same input would give other numbers, and only then.

A run is known by its spec, which holds the version of its objective; a baseline and a group of scores are
kept under theirs. Golden numbers of each (`tests/golden.py`) ask for a higher version when they change, so
that moving, renaming or documenting code measures nothing again, and whatever a higher version touches is
that alone.
"""

TRAINING = {
    "beta_vae": 2,
    "beta_tcvae": 2,
    "capacity": 2,
    "dip_vae_ii": 2,
    "factor_vae": 3,
    "pair": 2,
    "joint": 3,
    "pose": 2,
}
"""Of a training, by objective: the same spec would train to other bytes, or be evaluated to others."""
