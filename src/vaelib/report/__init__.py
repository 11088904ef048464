"""The report as a build: pages, notebooks, tables, jobs."""
