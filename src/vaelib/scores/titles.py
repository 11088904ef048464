"""What scores and baselines are called in figures, tables and prose: each in one place."""

SCORE_TITLES = {
    "mig": "MIG",
    "sap": "SAP",
    "dci_d": "D",
    "dci_c": "C",
    "factor_vae": "FactorVAE",
    "udr": "UDR",
    "ris": "RIS",
    "purity_best": "purity",
    "eta2_interaction_mean": "η² both",
    "angle_r2": "R² angle",
    "p_rotation_best": "P rotation",
    "gaussian_tc": "TC, nats",
    "kl": "KL, nats",
    "active_variance": "active latents",
}


def score_titles(*names: str) -> dict[str, str]:
    """Return what these scores are called, by name, in the order given.

    >>> score_titles("ris", "dci_d")
    {'ris': 'RIS', 'dci_d': 'D'}
    """
    return {name: SCORE_TITLES[name] for name in names}


def baseline_titles(latent_dim: int, network: str = "") -> dict[str, str]:
    """Return what the baselines of codes of this size are called, by name.

    Those that are networks are called by their `network` where several are beside each other.

    >>> baseline_titles(10, "our network")["ica"], baseline_titles(10, "our network")["untrained"]
    ('ICA-10', 'our network, untrained')
    """
    linear = {"pca": f"PCA-{latent_dim}", "ica": f"ICA-{latent_dim}"}
    of = f"{network}, " if network else ""
    return linear | {name: f"{of}{name}" for name in ("untrained", "supervised")}
