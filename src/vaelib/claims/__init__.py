"""The claims of the presentation, and the rules that judge them."""
