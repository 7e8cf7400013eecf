"""paperbuild: make for papers.

A paper is a build artifact. Its source is pandoc Markdown whose numbers, figures and tables refer to the outputs of experiments;
``paperbuild render`` runs what is stale, reuses what is not, and typesets PDF and HTML.
"""

__version__ = "0.1.0"
