"""How a project begins: from nothing, or from what a repository holds. Texts and values come in, the texts of files go out."""
