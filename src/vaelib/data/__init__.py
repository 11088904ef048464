"""Images: digits, turned or upright, and the factors they vary in."""
