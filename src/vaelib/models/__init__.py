"""Networks, their losses, and what can be asked of a trained one."""
