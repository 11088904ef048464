"""Everything that is measured: arrays in, named numbers out; no networks inside."""
