"""What is measured on one code, group by group: a code and images in, named scores out."""
