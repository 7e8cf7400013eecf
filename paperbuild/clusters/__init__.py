"""Commands on machines that others run: Slurm, Dask, and what runs at the other end."""
