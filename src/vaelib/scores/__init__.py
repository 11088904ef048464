"""What is measured on one code, group by group: a code and pictures in, named scores out."""
