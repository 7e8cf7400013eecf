"""Documents from resolved papers: the pandoc worker, typst, pages."""
